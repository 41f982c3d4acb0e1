-- name: claim :many
-- Deliveries that are due, first of each ticket and target, for at most `most` at once and `per_target` of each target, less
-- those that the caller holds already (`busy_*`); a target whose breaker is open is left alone, and when its pause is over
-- a single one of each process tries, however long its own pause. The commit of webhooks need not be on disk: after a crash
-- that takes a claim back they are claimed once more, as the same attempt.
with busy as (
    select *
      from unnest(sqlc.arg('busy_company_ids')::integer[], sqlc.arg('busy_channel_ids')::integer[],
                  sqlc.arg('busy_counts')::integer[]) as b (company_id, channel_id, held)
), target as (
    select h.company_id, h.id as channel_id, coalesce(t.failures, 0) >= sqlc.arg('breaks_at')::integer as probing,
           greatest(case when coalesce(t.failures, 0) >= sqlc.arg('breaks_at')::integer then 1
                         else sqlc.arg('per_target')::integer end - coalesce(b.held, 0), 0) as room
      from channels h
      left join delivery_targets t on t.company_id = h.company_id and t.channel_id = h.id
      left join busy b on b.company_id = h.company_id and b.channel_id = h.id
     where t.open_until is null or t.open_until <= now()
), due as (
    select w.company_id, w.id, w.channel_id, t.probing
      from target t
     cross join lateral (
        select d.company_id, d.id, d.channel_id
          from deliveries d
         where d.company_id = t.company_id and d.channel_id = t.channel_id and d.state = 'queued'
           and d.leased_until is null and (d.due_at <= now() or t.probing)
           and not exists (
               select 1 from deliveries e
                where e.company_id = d.company_id and e.channel_id = d.channel_id and e.ticket_id = d.ticket_id
                  and e.id < d.id and e.state = 'queued')
         order by d.id
         limit t.room
           for update of d skip locked) w
     limit sqlc.arg('most')::integer
), probed as (
    update delivery_targets t
       set open_until = null
      from due
     where due.probing and t.company_id = due.company_id and t.channel_id = due.channel_id
), claimed as (
    update deliveries d
       set leased_until = now() + sqlc.arg('lease')::interval, attempts = d.attempts + 1
      from due
     where d.company_id = due.company_id and d.id = due.id
    returning d.*
), begun as (
    insert into delivery_attempts (company_id, delivery_id, number)
    select c.company_id, c.id, c.attempts from claimed c where c.kind = 'webhook'
    on conflict (company_id, delivery_id, number) do update
       set began_at = excluded.began_at, ended_at = null, in_flight = true, outcome = null
)
select c.company_id, c.id, c.channel_id, c.kind, c.event, c.ticket_id, c.comment_id, c.change_id, c.cause_id, c.event_id,
       c.sequence, c.conversation_id, c.details::text as details, c.body, c.progress::text as progress, c.attempts,
       c.made_at, extract(epoch from now() - c.made_at)::float8 as age
  from claimed c
 where exists (select 1 from claimed m where m.kind = 'message') or set_config('synchronous_commit', 'off', true) is not null
 order by c.id;

-- name: claim_one :one
-- One certain message, if it is still waiting and nobody has it.
with claimed as (
    update deliveries d
       set leased_until = now() + sqlc.arg('lease')::interval, attempts = d.attempts + 1
     where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id') and d.state = 'queued'
       and d.leased_until is null and d.kind = 'message'
       and not exists (
           select 1 from deliveries e
            where e.company_id = d.company_id and e.channel_id = d.channel_id and e.ticket_id = d.ticket_id
              and e.id < d.id and e.state = 'queued')
    returning d.*
)
select c.company_id, c.id, c.channel_id, c.kind, c.event, c.ticket_id, c.comment_id, c.change_id, c.cause_id, c.event_id,
       c.sequence, c.conversation_id, c.details::text as details, c.body, c.progress::text as progress, c.attempts,
       c.made_at, extract(epoch from now() - c.made_at)::float8 as age
  from claimed c;

-- name: claim_lapsed :many
-- Deliveries whose holder died or hangs: held anew. `began`: a request of their last attempt may have left. Where none is
-- in flight the attempt ends here, so that a holder that was only away cannot begin one any more.
with lapsed as (
    select d.company_id, d.id from deliveries d
     where d.leased_until < now()
     order by d.leased_until
     limit sqlc.arg('most')::integer
       for update skip locked
), claimed as (
    update deliveries d
       set leased_until = now() + sqlc.arg('lease')::interval
      from lapsed l
     where d.company_id = l.company_id and d.id = l.id
    returning d.*
), ended as (
    insert into delivery_attempts as a (company_id, delivery_id, number, ended_at, in_flight, outcome)
    select c.company_id, c.id, c.attempts, clock_timestamp(), false, 'lost' from claimed c
    on conflict (company_id, delivery_id, number) do update
       set ended_at = coalesce(a.ended_at, excluded.ended_at), in_flight = false, outcome = excluded.outcome
     where not a.in_flight or a.ended_at is not null
    returning a.company_id, a.delivery_id
)
select c.company_id, c.id, c.channel_id, c.kind, c.event, c.ticket_id, c.comment_id, c.change_id, c.cause_id, c.event_id,
       c.sequence, c.conversation_id, c.details::text as details, c.body, c.progress::text as progress, c.attempts,
       c.made_at, extract(epoch from now() - c.made_at)::float8 as age,
       not exists(select 1 from ended e where e.company_id = c.company_id and e.delivery_id = c.id) as began
  from claimed c;

-- name: keep_leases :exec
-- Still at it.
update deliveries d
   set leased_until = now() + sqlc.arg('lease')::interval
  from unnest(sqlc.arg('company_ids')::integer[], sqlc.arg('ids')::bigint[]) as w (company_id, id)
 where d.company_id = w.company_id and d.id = w.id and d.leased_until is not null;

-- name: begin_attempt :one
-- A request leaves now, for one part of the message or the whole. No answer: somebody else has ended the attempt.
insert into delivery_attempts (company_id, delivery_id, number)
values (sqlc.arg('company_id'), sqlc.arg('delivery_id'), sqlc.arg('number'))
on conflict (company_id, delivery_id, number) do update
   set in_flight = true
 where delivery_attempts.ended_at is null
returning number;

-- name: note_part :exec
-- A part of a message was sent, and what the provider calls it: nothing is in flight until the next part begins.
with landed as (
    update delivery_attempts
       set in_flight = false
     where company_id = sqlc.arg('company_id') and delivery_id = sqlc.arg('id') and number = sqlc.arg('number')
), part as (
    update deliveries d
       set progress = d.progress || jsonb_build_object(sqlc.arg('part')::text, sqlc.arg('message_id')::text)
     where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id')
    returning d.company_id, d.channel_id, d.id
)
insert into delivery_names (company_id, channel_id, name, delivery_id)
select p.company_id, p.channel_id, 'message:' || sqlc.arg('message_id')::text, p.id
  from part p
 where sqlc.arg('message_id')::text <> ''
on conflict (company_id, channel_id, name) do nothing;

-- name: add_names :exec
insert into delivery_names (company_id, channel_id, name, delivery_id)
select sqlc.arg('company_id'), sqlc.arg('channel_id'), unnest(sqlc.arg('names')::text[]), sqlc.arg('delivery_id')
on conflict (company_id, channel_id, name) do nothing;

-- name: names_of :many
select n.name from delivery_names n
 where n.company_id = sqlc.arg('company_id') and n.delivery_id = sqlc.arg('delivery_id');

-- name: settle :many
-- What became of attempts of deliveries that are still waiting. `pauses`: seconds until the next one. An attempt that never
-- began has no row yet: it gets one, so that every attempt is seen. `repeatable`: to do it once more does no harm, so that the
-- commit need not be on disk. `well`: that the target does well is known, and need not be said again just now.
with outcome as (
    select *
      from unnest(sqlc.arg('company_ids')::integer[], sqlc.arg('ids')::bigint[], sqlc.arg('states')::text[],
                  sqlc.arg('pauses')::float8[], sqlc.arg('codes')::text[], sqlc.arg('texts')::text[],
                  sqlc.arg('bodies')::text[], sqlc.arg('numbers')::integer[], sqlc.arg('outcomes')::text[],
                  sqlc.arg('http_statuses')::integer[], sqlc.arg('said')::text[])
           as o (company_id, id, state, pause, code, text, body, number, outcome, http_status, said)
), settled as (
    update deliveries d
       set state = o.state, leased_until = null,
           due_at = case o.state when 'queued' then now() + o.pause * interval '1 second'
                                 when 'sent' then now() + interval '2 minutes' else d.due_at end,
           error_code = nullif(o.code, ''), error_text = nullif(o.text, ''), body = coalesce(d.body, nullif(o.body, '')),
           sent_at = case when o.state in ('sent', 'delivered', 'read') then coalesce(d.sent_at, now()) else d.sent_at end,
           delivered_at = case when o.state in ('delivered', 'read') then coalesce(d.delivered_at, now()) else d.delivered_at end,
           ended_at = case when o.state in ('delivered', 'read', 'failed', 'maybe_sent', 'cancelled') then now() end
      from outcome o
     where d.company_id = o.company_id and d.id = o.id and d.state = 'queued' and d.attempts = o.number
    returning d.company_id, d.channel_id, d.id, d.state
), ended as (
    insert into delivery_attempts (company_id, delivery_id, number, ended_at, in_flight, outcome, http_status, code, said)
    select o.company_id, o.id, o.number, clock_timestamp(), false, o.outcome, nullif(o.http_status, 0), nullif(o.code, ''),
           nullif(o.said, '')
      from outcome o
      join deliveries d on d.company_id = o.company_id and d.id = o.id and d.attempts >= o.number
    on conflict (company_id, delivery_id, number) do update
       set ended_at = excluded.ended_at, in_flight = false, outcome = excluded.outcome, http_status = excluded.http_status,
           code = excluded.code, said = excluded.said
)
select s.company_id, s.id, s.state,
       coalesce(t.failures = 0 and t.open_until is null and t.last_ok_at > now() - interval '10 seconds', false) as well
  from settled s
  left join delivery_targets t on t.company_id = s.company_id and t.channel_id = s.channel_id
 where not sqlc.arg('repeatable')::boolean or set_config('synchronous_commit', 'off', true) is not null;

-- name: target_well :exec
-- The target answers: its breaker closes, and what waited out a pause is due at once.
with well as (
    insert into delivery_targets as t (company_id, channel_id, failures, last_ok_at)
    select w.company_id, w.channel_id, 0, now()
      from unnest(sqlc.arg('company_ids')::integer[], sqlc.arg('channel_ids')::integer[]) as w (company_id, channel_id)
    on conflict (company_id, channel_id) do update
       set failures = 0, open_until = null, last_ok_at = now()
     where t.failures > 0 or t.open_until is not null or t.last_ok_at is null or t.last_ok_at < now() - interval '10 seconds'
    returning t.company_id, t.channel_id
)
update deliveries d
   set due_at = now()
  from well w
 where d.company_id = w.company_id and d.channel_id = w.channel_id and d.state = 'queued' and d.due_at > now()
   and d.attempts > 0 and d.kind = 'webhook';

-- name: target_failed :one
-- Once more; how often in a row by now. What was under way when the breaker opened says nothing new: no answer then.
insert into delivery_targets as t (company_id, channel_id, failures, last_failed_at, last_error)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), 1, now(), sqlc.arg('error'))
on conflict (company_id, channel_id) do update
   set failures = t.failures + 1, last_failed_at = now(), last_error = excluded.last_error
 where t.open_until is null or t.open_until < now()
returning t.failures;

-- name: open_breaker :exec
update delivery_targets
   set open_until = now() + sqlc.arg('pause')::float8 * interval '1 second'
 where company_id = sqlc.arg('company_id') and channel_id = sqlc.arg('channel_id');

-- name: waiting_age :one
-- Seconds since the oldest delivery became due that nobody has taken yet; 0 where none waits.
select coalesce(extract(epoch from now() - min(d.due_at)), 0)::float8 as seconds
  from deliveries d
 where d.state = 'queued' and d.leased_until is null and d.due_at < now();

-- name: unrendered :many
-- Webhooks that wait for a receiver whose breaker is open: their bodies are made now, while what they tell is fresh.
select d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id,
       d.sequence, d.conversation_id, d.details::text as details, d.body, d.progress::text as progress, d.attempts,
       d.made_at, extract(epoch from now() - d.made_at)::float8 as age
  from delivery_targets t
 cross join lateral (
    select d.* from deliveries d
     where d.company_id = t.company_id and d.channel_id = t.channel_id and d.state = 'queued' and d.kind = 'webhook'
       and d.body is null and d.leased_until is null
     order by d.id
     limit sqlc.arg('most')::integer) d
 where t.open_until > now();

-- name: keep_bodies :exec
update deliveries d
   set body = w.body
  from unnest(sqlc.arg('company_ids')::integer[], sqlc.arg('ids')::bigint[], sqlc.arg('bodies')::text[]) as w (company_id, id, body)
 where d.company_id = w.company_id and d.id = w.id and d.body is null;

-- name: forget_attempts :execrows
-- What ended long ago needs no history of its attempts any more; they began before it ended.
delete from delivery_attempts a
 using deliveries d
 where a.began_at < now() - sqlc.arg('older_than')::interval and d.company_id = a.company_id and d.id = a.delivery_id
   and d.ended_at < now() - sqlc.arg('older_than')::interval;
