-- name: make_company :value
-- The id of a company of this key.
insert into companies (key, name) values (sqlc.arg('key'), sqlc.arg('name')) returning id;

-- name: make_agents :many
-- Agents by name and e-mail, pairwise.
insert into agents (company_id, name, email, role)
select sqlc.arg('company_id'), u.name, u.email, 'agent'
  from unnest(sqlc.arg('names')::text[], sqlc.arg('emails')::text[]) as u (name, email)
returning id;

-- name: find_or_make_client :one
-- Client id of the contact and whether it is new; nothing where another request was faster.
with made as (
    insert into clients (company_id, name, note) values (sqlc.arg('company_id'), sqlc.arg('name'), 'it''s -- no comment')
    returning id
)
insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
select sqlc.arg('company_id'), made.id, sqlc.arg('kind'), sqlc.arg('value'), sqlc.arg('value'), sqlc.narg('phone_type')
  from made
on conflict (company_id, kind, value) do nothing
returning client_id, (xmax = 0) as made, phone_type;

-- name: make_ticket :value
with channel as (
    insert into channels (company_id, type, name, application_id)
    values (sqlc.arg('company_id'), 'api', 'Site', 'a') returning id
)
insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, assignee_id, created_at, updated_at)
select sqlc.arg('company_id'), sqlc.arg('subject'), sqlc.arg('status'), 1, 2, sqlc.arg('client_id'), channel.id,
       sqlc.narg('assignee_id'), sqlc.arg('at'), sqlc.arg('at')
  from channel
returning id;

-- name: lock_ticket :one
-- The ticket, locked until the transaction ends.
-- row: Ticket
select t.id, t.subject, t.assignee_id, t.created_at from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('id')
   for update of t;

-- name: ticket :one
-- row: Ticket
select t.id, t.subject, t.assignee_id, t.created_at from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('id');

-- name: assignees :many
-- Left joins of a table and of a subquery: both may be missing.
select t.id, a.name as assignee, a.id::text as assignee_text, l.message as last_message, t.id::text as id_text
  from tickets t
  left join agents a on a.company_id = sqlc.arg('company_id') and a.id = t.assignee_id
  left join lateral (  -- the newest comment
      select c.message from comments c
       where c.company_id = sqlc.arg('company_id') and c.ticket_id = t.id order by c.id desc limit 1
  ) l on true
 where t.company_id = sqlc.arg('company_id')
 order by t.id;

-- name: set_assignee :execrows
update tickets set assignee_id = sqlc.narg('assignee_id')
 where company_id = sqlc.arg('company_id') and id = any(sqlc.arg('ids')::integer[]);

-- name: add_tags :many
-- The tags' ids, made where missing.
with made as (
    insert into tags (company_id, name) select sqlc.arg('company_id'), unnest(sqlc.arg('names')::text[])
    on conflict do nothing returning id, name
)
select m.id, m.name from made m
union all
select g.id, g.name from tags g where g.company_id = sqlc.arg('company_id') and g.name = any(sqlc.arg('names')::text[])
order by 2;

-- name: save_fields :many
-- What was given, typed by PostgreSQL; a field's value may be null.
select f.field_id, f.value, f.seconds from jsonb_to_recordset(sqlc.arg('fields')::jsonb)
    as f(field_id integer, value text, seconds real)
 order by f.field_id;

-- name: ticket_json :value
-- null inside: anything
-- not null: spoken
select json_build_object('id', t.id::text, 'tags', (
           select coalesce(json_agg(g.name order by g.name), '[]') from tags g where g.company_id = sqlc.arg('company_id')
       ))::text as body,
       (select count(*) from comments c where c.company_id = sqlc.arg('company_id')) as comments,
       (select max(c.created_at) from comments c where c.company_id = sqlc.arg('company_id')) as newest,
       array_agg(t.subject) over () as anything,
       upper(t.subject) as spoken
  from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('id');

-- name: turn :value
-- writes
-- not null: allowed
select x.allowed, x.retry_after from take_turn(sqlc.arg('key'), sqlc.arg('turns'), sqlc.arg('per')::interval) x;

-- name: secret :value
select secret from installations;

-- name: forget_client :exec
delete from clients c where c.company_id = sqlc.arg('company_id') and c.id = sqlc.arg('id');
