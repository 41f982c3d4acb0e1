-- name: channel :one
-- A channel by its id alone, as its adapter is made from it. Ids come from one sequence for all companies.
select h.company_id, h.id, h.type, h.name, h.email, h.settings::text as settings, h.active
  from channels h
 where h.id = sqlc.arg('id');

-- name: channels_of_company :many
select h.company_id, h.id, h.type, h.name, h.email, h.settings::text as settings, h.active
  from channels h
 where h.company_id = sqlc.arg('company_id') and h.active
 order by h.id;

-- name: all_channels :many
select h.company_id, h.id, h.type, h.name, h.email, h.settings::text as settings, h.active
  from channels h
 where h.active and h.type <> 'api'
 order by h.id;

-- name: keep_conversation :one
-- With whom we talk in a channel; the ticket is its last one.
insert into conversations (company_id, channel_id, client_id, address, ticket_id, provider_ref)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('client_id'), sqlc.arg('address'),
        sqlc.arg('ticket_id'), sqlc.narg('provider_ref'))
on conflict (company_id, channel_id, address) do update
   set ticket_id = excluded.ticket_id, provider_ref = coalesce(excluded.provider_ref, conversations.provider_ref)
returning id, provider_ref;

-- name: reachable_at :one
-- How a client can be reached: the first phone and nickname, and what the client last wrote from in this channel.
select (select o.value from client_contacts o
         where o.company_id = sqlc.arg('company_id') and o.client_id = sqlc.arg('client_id') and o.kind = 'phone'
         order by o.id limit 1) as phone,
       (select o.value from client_contacts o
         where o.company_id = sqlc.arg('company_id') and o.client_id = sqlc.arg('client_id') and o.kind = 'telegram'
         order by o.id limit 1) as username,
       (select v.address from conversations v
         where v.company_id = sqlc.arg('company_id') and v.client_id = sqlc.arg('client_id')
           and v.channel_id = sqlc.arg('channel_id')
         order by v.last_incoming_at desc nulls last, v.id desc limit 1) as address;

-- name: conversation_of_ticket :one
-- In which conversation of this channel the ticket goes on.
select v.id, v.address, v.client_id
  from conversations v
 where v.company_id = sqlc.arg('company_id') and v.channel_id = sqlc.arg('channel_id')
   and v.ticket_id = sqlc.arg('ticket_id')
 order by v.id limit 1;

-- name: queue_message :one
insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, conversation_id, details)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), 'message', 'message', sqlc.arg('ticket_id'),
        sqlc.arg('comment_id'), sqlc.narg('conversation_id'), sqlc.arg('details')::jsonb)
returning id;

-- name: refuse_message :exec
-- A message that can go nowhere: seen as failed, with the reason.
insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, details, state, error_code, error_text, ended_at)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), 'message', 'message', sqlc.arg('ticket_id'),
        sqlc.arg('comment_id'), '{}', 'failed', sqlc.arg('code'), sqlc.arg('text'), now());

-- name: message_of_comment :one
-- The last message that was made of a comment.
select d.id, d.channel_id, d.conversation_id, d.state, d.error_code, d.error_text
  from deliveries d
 where d.company_id = sqlc.arg('company_id') and d.comment_id = sqlc.arg('comment_id') and d.kind = 'message'
 order by d.id desc limit 1;

-- name: message_to_send :one
-- All that is said to a client, and to whom.
select c.message, c.author, c.cc, c.bcc, c.is_first, t.id as ticket_id, t.subject, t.email, l.name as client_name,
       coalesce(a.name, '') as agent_name, v.address, v.provider_ref,
       coalesce((
           select json_agg(json_build_object('id', f.id, 'name', f.name, 'type', f.type, 'size', f.size, 'key', f.key) order by f.id)
             from files f where f.company_id = sqlc.arg('company_id') and f.comment_id = c.id), '[]')::text as files,
       coalesce((
           select o.shown from client_contacts o
            where o.company_id = sqlc.arg('company_id') and o.client_id = t.client_id and o.kind = 'email'
            order by o.id limit 1), '') as client_email
  from deliveries d
  join comments c on c.company_id = sqlc.arg('company_id') and c.id = d.comment_id
  join tickets t on t.company_id = sqlc.arg('company_id') and t.id = d.ticket_id
  join clients l on l.company_id = sqlc.arg('company_id') and l.id = t.client_id
  left join agents a on a.company_id = sqlc.arg('company_id') and a.id = c.agent_id
  left join conversations v on v.company_id = sqlc.arg('company_id') and v.id = d.conversation_id
 where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id');

-- name: know_conversation :exec
-- What the provider calls the conversation of a delivery, where no other has that name.
update conversations v
   set provider_ref = sqlc.arg('provider_ref')
  from deliveries d
 where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('delivery_id')
   and v.company_id = d.company_id and v.id = d.conversation_id and v.provider_ref is distinct from sqlc.arg('provider_ref')
   and not exists (
       select 1 from conversations o
        where o.company_id = d.company_id and o.channel_id = d.channel_id and o.provider_ref = sqlc.arg('provider_ref')
          and o.id <> d.conversation_id);

-- name: delivery_named :one
-- Which message the provider means; the ticket first, so that whoever holds a ticket is never waited for twice.
select d.id, d.ticket_id
  from delivery_names n
  join deliveries d on d.company_id = n.company_id and d.id = n.delivery_id
 where n.company_id = sqlc.arg('company_id') and n.channel_id = sqlc.arg('channel_id')
   and n.name = any(sqlc.arg('names')::text[])
 limit 1;

-- name: own_delivery :one
select d.id, d.ticket_id
  from deliveries d
 where d.company_id = sqlc.arg('company_id') and d.channel_id = sqlc.arg('channel_id') and d.id = sqlc.arg('id')
   and d.kind = 'message';

-- name: silent :many
-- Messages that were sent and of which nothing was heard since: asked about again after twice the time, for a day.
with silent as (
    select d.company_id, d.id from deliveries d
     where d.state = 'sent' and d.kind = 'message' and d.due_at <= now() and d.sent_at > now() - interval '1 day'
     order by d.due_at
     limit sqlc.arg('most')::integer
       for update skip locked
)
update deliveries d
   set due_at = now() + greatest(now() - d.sent_at, interval '2 minutes')
  from silent s
 where d.company_id = s.company_id and d.id = s.id
returning d.company_id, d.id, d.channel_id,
          coalesce((select json_agg(n.name order by n.name) from delivery_names n
                     where n.company_id = d.company_id and n.delivery_id = d.id), '[]')::text as names;

-- name: hold_ticket :one
select t.id from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('ticket_id')
   for no key update;

-- name: hold_delivery :one
select d.id, d.channel_id, d.ticket_id, d.comment_id, d.state, d.progress::text as progress, d.part_states::text as part_states
  from deliveries d
 where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id')
   for no key update;

-- name: climb :exec
-- A message's new state; it is not below the old one (pult.deliveries.model.climb).
update deliveries d
   set state = sqlc.arg('state'), leased_until = null,
       error_code = case when sqlc.arg('state')::text = 'failed' then nullif(sqlc.arg('code')::text, '') end,
       error_text = case when sqlc.arg('state')::text = 'failed' then nullif(sqlc.arg('text')::text, '') end,
       sent_at = case when sqlc.arg('state')::text in ('sent', 'delivered', 'read') then coalesce(d.sent_at, now()) else d.sent_at end,
       delivered_at = case when sqlc.arg('state')::text in ('delivered', 'read') then coalesce(d.delivered_at, sqlc.arg('at')) else d.delivered_at end,
       read_at = case when sqlc.arg('state')::text = 'read' then coalesce(d.read_at, sqlc.arg('at')) else d.read_at end,
       ended_at = case when sqlc.arg('state')::text in ('delivered', 'read', 'failed', 'maybe_sent') then coalesce(d.ended_at, now()) end
 where d.company_id = sqlc.arg('company_id') and d.id = sqlc.arg('id');

-- name: keep_part_state :exec
update deliveries
   set part_states = part_states || jsonb_build_object(sqlc.arg('part')::text, sqlc.arg('state')::text)
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: mark_comment :exec
update comments
   set delivered = delivered or sqlc.arg('delivered'), seen = seen or sqlc.arg('seen')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('comment_id')
   and (not delivered and sqlc.arg('delivered')::boolean or not seen and sqlc.arg('seen')::boolean);

-- name: names_one_at_a_time :exec
-- Whoever learns a name and whoever asks for one, in a channel, wait for each other.
select pg_advisory_xact_lock(hashtextextended('delivery names', sqlc.arg('channel_id')::bigint))::text as held;

-- name: keep_early_report :exec
insert into early_reports (company_id, channel_id, name, report)
select sqlc.arg('company_id'), sqlc.arg('channel_id'), unnest(sqlc.arg('names')::text[]), sqlc.arg('report')::jsonb
on conflict do nothing;

-- name: take_early_reports :many
delete from early_reports
 where company_id = sqlc.arg('company_id') and channel_id = sqlc.arg('channel_id') and name = any(sqlc.arg('names')::text[])
returning report::text as report;

-- name: forget_early_reports :execrows
delete from early_reports where reported_at < now() - interval '1 day';

-- name: take_message :one
-- Whether this message of the provider's is new.
with taken as (
    insert into incoming_messages (company_id, channel_id, message_id)
    values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('message_id'))
    on conflict (company_id, channel_id, message_id) do nothing
    returning 1
)
select exists(select 1 from taken) as is_new;

-- name: is_ours :one
-- Whether the provider's message is one that we sent, or is about to be known as one.
select exists(
           select 1 from delivery_names n
            where n.company_id = sqlc.arg('company_id') and n.channel_id = sqlc.arg('channel_id')
              and n.name = 'message:' || sqlc.arg('message_id')::text)
       or exists(
           select 1 from early_reports e
            where e.company_id = sqlc.arg('company_id') and e.channel_id = sqlc.arg('channel_id')
              and e.name = 'message:' || sqlc.arg('message_id')::text
              and e.report ->> 'also_known_as' = sqlc.arg('message_id')::text) as ours;

-- name: message_became :exec
update incoming_messages set comment_id = sqlc.arg('comment_id')
 where company_id = sqlc.arg('company_id') and channel_id = sqlc.arg('channel_id') and message_id = sqlc.arg('message_id');

-- name: find_conversation :one
-- By the provider's own id first, then by whom we talk to.
select v.id, v.client_id, v.ticket_id, v.address
  from conversations v
 where v.company_id = sqlc.arg('company_id') and v.channel_id = sqlc.arg('channel_id')
   and (v.provider_ref = sqlc.narg('provider_ref') or v.address = any(sqlc.arg('addresses')::text[]))
 order by (v.provider_ref = sqlc.narg('provider_ref')) desc nulls last, v.id
 limit 1;

-- name: heard_from :exec
update conversations v
   set ticket_id = sqlc.arg('ticket_id'), last_incoming_at = greatest(v.last_incoming_at, sqlc.arg('at')),
       provider_ref = case when sqlc.narg('provider_ref')::text is null or exists (
               select 1 from conversations o
                where o.company_id = sqlc.arg('company_id') and o.channel_id = v.channel_id
                  and o.provider_ref = sqlc.narg('provider_ref') and o.id <> v.id)
           then v.provider_ref else sqlc.narg('provider_ref') end
 where v.company_id = sqlc.arg('company_id') and v.id = sqlc.arg('id');

-- name: await_file :exec
insert into incoming_files (company_id, channel_id, comment_id, ref, name, mime)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('comment_id'), sqlc.arg('ref'), sqlc.arg('name'), sqlc.arg('mime'));

-- name: claim_file :one
-- A client's file to fetch; held by its next time.
with due as (
    select f.company_id, f.id from incoming_files f
     where f.error is null and f.due_at <= now()
     order by f.due_at
     limit 1
       for update skip locked
)
update incoming_files f
   set due_at = now() + interval '2 minutes', attempts = f.attempts + 1
  from due
 where f.company_id = due.company_id and f.id = due.id
returning f.company_id, f.id, f.channel_id, f.comment_id, f.ref, f.name, f.mime, f.attempts;

-- name: ticket_of_comment :one
select c.ticket_id from comments c where c.company_id = sqlc.arg('company_id') and c.id = sqlc.arg('comment_id');

-- name: file_came :exec
with came as (
    delete from incoming_files where company_id = sqlc.arg('company_id') and id = sqlc.arg('id') returning comment_id
)
insert into files (company_id, comment_id, name, type, size, key)
select sqlc.arg('company_id'), c.comment_id, sqlc.arg('name'), sqlc.arg('type'), sqlc.arg('size'), sqlc.arg('key') from came c;

-- name: file_failed :exec
-- Later again, or given up where `final`.
update incoming_files
   set due_at = now() + sqlc.arg('pause')::float8 * interval '1 second',
       error = case when sqlc.arg('final')::boolean then sqlc.arg('text')::text end
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: report_on_channel :exec
insert into delivery_targets (company_id, channel_id, healthy, report, counters, reported_at)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('healthy'), sqlc.arg('report'), sqlc.arg('counters')::jsonb, now())
on conflict (company_id, channel_id) do update
   set healthy = excluded.healthy, report = excluded.report, reported_at = now(),
       counters = delivery_targets.counters || excluded.counters;

-- name: cursor_of :one
select t.cursor from delivery_targets t
 where t.company_id = sqlc.arg('company_id') and t.channel_id = sqlc.arg('channel_id');

-- name: keep_cursor :exec
insert into delivery_targets (company_id, channel_id, cursor)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('cursor'))
on conflict (company_id, channel_id) do update set cursor = excluded.cursor;

-- name: installed_of :one
select t.installed from delivery_targets t
 where t.company_id = sqlc.arg('company_id') and t.channel_id = sqlc.arg('channel_id');

-- name: keep_installed :exec
insert into delivery_targets (company_id, channel_id, installed, report, healthy, reported_at)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.narg('installed'), sqlc.arg('report'), sqlc.arg('healthy'), now())
on conflict (company_id, channel_id) do update
   set installed = excluded.installed, report = excluded.report, healthy = excluded.healthy, reported_at = now();

-- name: rated_ticket :one
-- The ticket, held, and our last answer in it.
select t.channel_id,
       (select max(c.id) from comments c
         where c.company_id = sqlc.arg('company_id') and c.ticket_id = t.id and c.author = 'user' and c.visibility = 'public')
           as comment_id
  from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('ticket_id')
   for no key update of t;

-- name: insert_rating :one
insert into ratings (company_id, ticket_id, client_id, agent_id, comment_id, rating, comment, created_at, updated_at)
select sqlc.arg('company_id'), t.id, t.client_id, t.assignee_id, sqlc.narg('comment_id'), sqlc.arg('rating'),
       sqlc.arg('comment'), date_trunc('second', now()), date_trunc('second', now())
  from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('ticket_id')
returning id;
