-- name: resend :one
-- A copy at the end of the order, known to its receiver by the same id; of a message only what may be sent once more. What
-- is reported of parts that were sent already is the copy's from now on.
with was as (
    select d.* from deliveries d
     where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id')
       for no key update
), newer as (
    select max(e.id) as id
      from was w
      join deliveries e on e.company_id = w.company_id and e.ticket_id = w.ticket_id and e.resend_of = w.id
     where w.kind = 'message' and e.state not in ('failed', 'cancelled')
), made as (
    insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, change_id, cause_id, event_id,
                            sequence, conversation_id, details, body, progress, part_states, resend_of)
    select w.company_id, w.channel_id, w.kind, w.event, w.ticket_id, w.comment_id, w.change_id, w.cause_id, w.event_id,
           w.sequence, w.conversation_id, w.details, w.body, w.progress, w.part_states, w.id
      from was w, newer n
     where n.id is null and w.state <> 'queued'
       and (w.kind = 'webhook' or w.state in ('failed', 'maybe_sent', 'cancelled'))
    returning id
), moved as (
    update delivery_names x
       set delivery_id = m.id
      from was w, made m
     where x.company_id = w.company_id and x.delivery_id = w.id
       and x.name in (select 'message:' || p.value from jsonb_each_text(w.progress) p)
)
select w.state, n.id as newer_id, (select m.id from made m) as made_id from was w, newer n;

-- name: cancel :one
-- Ends what waits and nobody is sending at this moment.
with was as (
    select d.company_id, d.id, d.state, d.leased_until is not null as held from deliveries d
     where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id')
       for no key update
), ended as (
    update deliveries d
       set state = 'cancelled', ended_at = now()
      from was w
     where d.company_id = w.company_id and d.id = w.id and w.state = 'queued' and not w.held
    returning d.id
)
select w.state, w.held, exists(select from ended) as cancelled from was w;

-- name: replay :value
-- Copies of the events that a receiver was told of in this time, in their order; those that still wait need none. Answers
-- how many, `most` at most.
with made as (
    insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, change_id, cause_id, event_id,
                            sequence, conversation_id, details, body, resend_of)
    select d.company_id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id,
           d.sequence, d.conversation_id, d.details, d.body, d.id
      from deliveries d
     where d.company_id = sqlc.arg('company_id') and d.channel_id = sqlc.arg('channel_id') and d.kind = 'webhook'
       and d.made_at >= sqlc.arg('since') and d.made_at < coalesce(sqlc.narg('until'), now())
       and (sqlc.narg('events')::text[] is null or d.event = any(sqlc.narg('events')::text[]))
       and d.resend_of is null and d.event <> 'ping' and d.state not in ('queued', 'cancelled')
     order by d.id
     limit sqlc.arg('most')::integer
    returning id
)
select count(*)::integer as replayed from made;
