-- name: queue :exec
-- One event for each receiver that listens, numbered after the last that this ticket had for it. The caller holds the ticket.
-- All ids are above 0: the condition tells the planner that the list is short, so that it keeps one plan for all calls
-- instead of making one for each, which took half of the time.
insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, change_id, cause_id, details, sequence)
select sqlc.arg('company_id'), l.channel_id, 'webhook', sqlc.arg('event'), sqlc.arg('ticket_id'), sqlc.narg('comment_id'),
       sqlc.narg('change_id'), sqlc.narg('cause_id'), sqlc.arg('details')::jsonb,
       coalesce((
           select max(d.sequence) from deliveries d
            where d.company_id = sqlc.arg('company_id') and d.ticket_id = sqlc.arg('ticket_id')
              and d.channel_id = l.channel_id), 0) + 1
  from unnest(sqlc.arg('channel_ids')::integer[]) as l (channel_id)
 where l.channel_id > 0;

-- name: receivers :many
-- Where the events of these channels go and how they are signed, as their settings say now.
-- row: ReceiverRow
select h.company_id, h.id as channel_id, h.application_id,
       (case when h.active then h.settings #>> '{adapter,webhook_url}' end)::text as url,
       coalesce(h.settings #>> '{adapter,webhook_format}', 'json')::text as format,
       coalesce(h.settings -> 'signing_secrets', '[]')::text as signing_secrets,
       coalesce(t.report is not null and not t.healthy, false) as never_answered
  from unnest(sqlc.arg('company_ids')::integer[], sqlc.arg('channel_ids')::integer[]) as w (company_id, channel_id)
  join channels h on h.company_id = w.company_id and h.id = w.channel_id
  left join delivery_targets t on t.company_id = h.company_id and t.channel_id = h.id;

-- name: report :exec
-- What is shown of a receiver: null for one that answers.
insert into delivery_targets (company_id, channel_id, healthy, report, reported_at)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.narg('report')::text is null, sqlc.narg('report'), now())
on conflict (company_id, channel_id) do update
   set healthy = excluded.healthy, report = excluded.report, reported_at = excluded.reported_at;

-- name: forget_failures :exec
-- A new address: what the old one did counts no longer, and what waits for it is due at once.
with forgotten as (
    update delivery_targets t
       set failures = 0, open_until = null, last_error = null
     where t.company_id = sqlc.arg('company_id') and t.channel_id = sqlc.arg('channel_id')
)
update deliveries d
   set due_at = now()
 where d.company_id = sqlc.arg('company_id') and d.channel_id = sqlc.arg('channel_id') and d.state = 'queued'
   and d.kind = 'webhook' and d.due_at > now();

-- name: record_ping :exec
-- The check of an address, as one more row of the log: it has been done already.
with ping as (
    insert into deliveries (company_id, channel_id, kind, event, event_id, body, state, attempts, error_code, error_text,
                            sent_at, delivered_at, ended_at)
    values (sqlc.arg('company_id'), sqlc.arg('channel_id'), 'webhook', 'ping', sqlc.arg('event_id'), sqlc.arg('body'),
            case when sqlc.arg('answered')::boolean then 'delivered' else 'failed' end, 1, sqlc.narg('code'), sqlc.narg('text'),
            case when sqlc.arg('answered')::boolean then now() end, case when sqlc.arg('answered')::boolean then now() end,
            now())
    returning company_id, id
)
insert into delivery_attempts (company_id, delivery_id, number, began_at, ended_at, in_flight, outcome, http_status, code,
                               said)
select p.company_id, p.id, 1, sqlc.arg('began_at'), now(), false,
       case when sqlc.arg('answered')::boolean then 'delivered' else 'refused' end, sqlc.narg('http_status'), sqlc.narg('code'),
       sqlc.narg('text')
  from ping p;

-- name: addresses :many
-- The receivers of a company's channels that are in use.
-- row: AddressRow
select h.company_id, h.id as channel_id, coalesce(h.key, h.id::text)::text as key, h.application_id,
       (h.settings #>> '{adapter,webhook_url}')::text as url
  from companies c
  join channels h on h.company_id = c.id
 where c.key = sqlc.arg('company_key') and h.active and h.type = 'api'
   and h.settings #>> '{adapter,webhook_url}' is not null
 order by h.id;

-- name: silent :many
-- Which of these channels have a receiver that never answered.
select t.channel_id
  from unnest(sqlc.arg('company_ids')::integer[], sqlc.arg('channel_ids')::integer[]) as w (company_id, channel_id)
  join delivery_targets t on t.company_id = w.company_id and t.channel_id = w.channel_id
 where t.report is not null and not t.healthy
 order by t.channel_id;
