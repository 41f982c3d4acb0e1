-- name: caller :one
-- Whose token this is, and which version the company's configuration has.
select k.company_id, k.channel_id, c.config_version
  from api_tokens k
  join companies c on c.id = k.company_id
  join channels h on h.company_id = k.company_id and h.id = k.channel_id
 where k.hash = sqlc.arg('hash') and h.active;

-- name: config_version :one
select config_version from companies where id = sqlc.arg('company_id');

-- name: configuration :one
-- All that a process keeps in memory of a company, as one JSON text.
select json_build_object(
    'company_id', c.id,
    'version', c.config_version,
    'channels', (
        select coalesce(json_object_agg(h.id, json_build_object(
            'id', h.id, 'type', h.type, 'name', h.name, 'group_id', h.group_id, 'email', h.email,
            'hook', case when h.type = 'api' and h.settings -> 'adapter' ->> 'webhook_url' is not null then json_build_object(
                'events', h.settings -> 'adapter' -> 'events', 'watch', h.settings -> 'adapter' -> 'watch',
                'statuses', coalesce(h.settings -> 'adapter' -> 'statuses', '[]')) end,
            'default_agent', h.settings -> 'adapter' -> 'default_agent',
            'delivered_within', coalesce(h.settings -> 'adapter' -> 'delivered_within', '3'),
            'claim_delivered', coalesce(h.settings -> 'adapter' -> 'claim_delivered', 'false')) order by h.id), '{}')
          from channels h where h.company_id = sqlc.arg('company_id') and h.active),
    'groups', (
        select coalesce(json_object_agg(g.id, json_build_object('id', g.id, 'name', g.name) order by g.id), '{}')
          from groups g where g.company_id = sqlc.arg('company_id') and g.active),
    'agents', (
        select coalesce(json_object_agg(a.id, json_build_object(
            'id', a.id, 'name', a.name, 'email', a.email, 'role', a.role,
            'default_group_id', a.default_group_id, 'restricted', a.restricted,
            'groups', (
                select coalesce(json_agg(m.group_id order by m.group_id), '[]')
                  from group_members m where m.company_id = sqlc.arg('company_id') and m.agent_id = a.id),
            'access', (
                select coalesce(json_object_agg(r.channel_id, r.access), '{}')
                  from agent_channels r where r.company_id = sqlc.arg('company_id') and r.agent_id = a.id)) order by a.id), '{}')
          from agents a where a.company_id = sqlc.arg('company_id') and a.active),
    'fields', (
        select coalesce(json_object_agg(f.id, json_build_object(
            'id', f.id, 'name', f.name, 'kind', f.kind, 'parent_field_id', f.parent_field_id, 'add_tag', f.add_tag,
            'options', (
                select coalesce(json_agg(json_build_object(
                    'id', o.id, 'value', o.value, 'parent_option_id', o.parent_option_id) order by o.position, o.id), '[]')
                  from field_options o
                 where o.company_id = sqlc.arg('company_id') and o.field_id = f.id and o.active)) order by f.position, f.id), '{}')
          from fields f where f.company_id = sqlc.arg('company_id') and f.active),
    'field_ids', (
        select coalesce(json_agg(f.id order by f.id), '[]') from fields f where f.company_id = sqlc.arg('company_id')),
    'triggers', (
        select coalesce(json_agg(r.id order by r.id), '[]')
          from triggers r where r.company_id = sqlc.arg('company_id') and r.active))::text as configuration
  from companies c
 where c.id = sqlc.arg('company_id');

-- name: installation_secret :one
-- What signs the file links of this installation.
select secret from installations;

-- name: lock_ticket :one
-- The ticket, held until the end of the unit of work, if the caller is still who it was.
select t.id, t.subject, t.status, t.type, t.priority, t.client_id, t.channel_id, t.group_id, t.assignee_id,
       exists(
           select 1 from companies c
            where c.id = sqlc.arg('company_id') and c.config_version = sqlc.arg('config_version')
              and (sqlc.narg('token_hash')::bytea is null or exists(
                  select 1 from api_tokens k where k.hash = sqlc.narg('token_hash') and k.company_id = sqlc.arg('company_id'))))
           as current,
       exists(
           select 1 from clients l
            where l.company_id = sqlc.arg('company_id') and l.id = sqlc.narg('new_client_id')::integer) as client_known
  from tickets t
 where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('ticket_id')
   for no key update of t;

-- name: still_current :one
-- Whether the caller is still who it was; asked where nothing else was found that could say so.
select exists(
    select 1 from companies c
     where c.id = sqlc.arg('company_id') and c.config_version = sqlc.arg('config_version')
       and (sqlc.narg('token_hash')::bytea is null or exists(
           select 1 from api_tokens k where k.hash = sqlc.narg('token_hash') and k.company_id = sqlc.arg('company_id'))))
    as current;

-- name: tags_and_fields :one
-- Read after the lock: a statement that waited for the lock would show what was there before it waited.
select coalesce((
           select json_object_agg(g.name, x.field_id)
             from ticket_tags x join tags g on g.company_id = sqlc.arg('company_id') and g.id = x.tag_id
            where x.company_id = sqlc.arg('company_id') and x.ticket_id = sqlc.arg('ticket_id')), '{}')::text as tags,
       coalesce((
           select json_object_agg(v.field_id, v.value)
             from ticket_fields v
            where v.company_id = sqlc.arg('company_id') and v.ticket_id = sqlc.arg('ticket_id')), '{}')::text as fields;

-- name: save_ticket :one
-- A changed ticket with its history row, whose id is answered; tags and fields are other statements, sent only when they changed.
with changed as (
    update tickets
       set subject = sqlc.arg('subject'), status = sqlc.arg('status'), type = sqlc.arg('type'),
           priority = sqlc.arg('priority'), client_id = sqlc.arg('client_id'), group_id = sqlc.narg('group_id'),
           assignee_id = sqlc.narg('assignee_id'), updated_at = date_trunc('second', now()),
           filled = coalesce(sqlc.narg('filled'), filled)
     where company_id = sqlc.arg('company_id') and id = sqlc.arg('ticket_id')
), reworded as (
    update search_documents
       set words = to_tsvector('russian', sqlc.arg('subject'))
     where company_id = sqlc.arg('company_id') and ticket_id = sqlc.arg('ticket_id') and comment_id = 0
       and sqlc.arg('subject_changed')::boolean
)
insert into changes (company_id, ticket_id, agent_id, trigger_id, data, old_status, new_status, changed_at)
values (sqlc.arg('company_id'), sqlc.arg('ticket_id'), sqlc.narg('agent_id'), sqlc.narg('trigger_id'),
        sqlc.arg('data')::jsonb, sqlc.arg('old_status'), sqlc.arg('new_status'), date_trunc('second', now()))
returning id;

-- name: add_tags :execrows
-- Tags that the company has, by name; `field_ids` holds 0 for a tag set by hand.
insert into ticket_tags (company_id, ticket_id, tag_id, field_id)
select sqlc.arg('company_id'), sqlc.arg('ticket_id'), g.id, nullif(w.field_id, 0)
  from unnest(sqlc.arg('names')::text[], sqlc.arg('field_ids')::integer[]) as w (name, field_id)
  join tags g on g.company_id = sqlc.arg('company_id') and g.name = w.name
on conflict (company_id, ticket_id, tag_id) do nothing;

-- name: make_tags :exec
-- In the order of their names, so that nobody waits for whom it keeps waiting; "do nothing" locks no tag that others use.
insert into tags (company_id, name)
select sqlc.arg('company_id'), w.name from unnest(sqlc.arg('names')::text[]) as w (name)
 order by w.name
on conflict (company_id, name) do nothing;

-- name: remove_tags :exec
delete from ticket_tags x
 using tags g
 where x.company_id = sqlc.arg('company_id') and x.ticket_id = sqlc.arg('ticket_id')
   and g.company_id = sqlc.arg('company_id') and g.id = x.tag_id and g.name = any(sqlc.arg('names')::text[]);

-- name: set_fields :exec
insert into ticket_fields (company_id, ticket_id, field_id, value)
select sqlc.arg('company_id'), sqlc.arg('ticket_id'), w.field_id, w.value
  from unnest(sqlc.arg('field_ids')::integer[], sqlc.arg('given_values')::text[]) as w (field_id, value)
on conflict (company_id, ticket_id, field_id) do update set value = excluded.value;

-- name: clear_fields :exec
delete from ticket_fields
 where company_id = sqlc.arg('company_id') and ticket_id = sqlc.arg('ticket_id')
   and field_id = any(sqlc.arg('field_ids')::integer[]);

-- name: insert_ticket :one
-- A ticket with its first comment, its creation row in the history and its search documents, all in one statement.
with ticket as (
    insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, group_id, assignee_id,
                         created_at, updated_at, email, additional_id, filled)
    values (sqlc.arg('company_id'), sqlc.arg('subject'), sqlc.arg('status'), sqlc.arg('type'), sqlc.arg('priority'),
            sqlc.arg('client_id'), sqlc.arg('channel_id'), sqlc.narg('group_id'), sqlc.narg('assignee_id'),
            date_trunc('second', now()), date_trunc('second', now()), sqlc.narg('email'), sqlc.narg('additional_id'),
            sqlc.arg('filled'))
    returning id
), comment as (
    insert into comments (company_id, ticket_id, author, visibility, agent_id, client_id, trigger_id, is_first,
                          created_at, cc, message, original)
    select sqlc.arg('company_id'), t.id, sqlc.arg('author'), sqlc.arg('visibility'), sqlc.narg('agent_id'),
           sqlc.narg('comment_client_id'), sqlc.narg('trigger_id'), true, date_trunc('second', now()),
           sqlc.arg('cc')::text[], sqlc.arg('message'), sqlc.narg('original')
      from ticket t
    returning id
), history as (
    insert into changes (company_id, ticket_id, agent_id, trigger_id, data, old_status, new_status, changed_at)
    select sqlc.arg('company_id'), t.id, sqlc.narg('agent_id'), sqlc.narg('trigger_id'), '[]', 0, sqlc.arg('status'),
           date_trunc('second', now())
      from ticket t
), words as (
    insert into search_documents (company_id, ticket_id, comment_id, words)
    select sqlc.arg('company_id'), t.id, d.comment_id, d.words
      from ticket t, (
          select 0::bigint as comment_id, to_tsvector('russian', sqlc.arg('subject')) as words
          union all
          select c.id, to_tsvector('russian', sqlc.arg('message_text')) from comment c) d
)
select t.id as ticket_id, c.id as comment_id from ticket t, comment c;

-- name: insert_comment :one
-- A further comment of a ticket that the unit of work holds, with its search document.
with comment as (
    insert into comments (company_id, ticket_id, author, visibility, agent_id, client_id, trigger_id, created_at, cc,
                          message, original)
    values (sqlc.arg('company_id'), sqlc.arg('ticket_id'), sqlc.arg('author'), sqlc.arg('visibility'),
            sqlc.narg('agent_id'), sqlc.narg('client_id'), sqlc.narg('trigger_id'), date_trunc('second', now()),
            sqlc.arg('cc')::text[], sqlc.arg('message'), sqlc.narg('original'))
    returning id
), touched as (
    update tickets set updated_at = date_trunc('second', now())
     where company_id = sqlc.arg('company_id') and id = sqlc.arg('ticket_id')
), words as (
    insert into search_documents (company_id, ticket_id, comment_id, words)
    select sqlc.arg('company_id'), sqlc.arg('ticket_id'), c.id, to_tsvector('russian', sqlc.arg('message_text'))
      from comment c
)
select c.id from comment c;

-- name: add_mentions :exec
insert into comment_mentions (company_id, comment_id, agent_id)
select sqlc.arg('company_id'), sqlc.arg('comment_id'), unnest(sqlc.arg('agent_ids')::integer[]);

-- name: add_files :exec
insert into files (company_id, comment_id, name, type, size, key)
select sqlc.arg('company_id'), sqlc.arg('comment_id'), f.name, f.type, f.size, f.key
  from unnest(sqlc.arg('names')::text[], sqlc.arg('types')::text[], sqlc.arg('sizes')::bigint[], sqlc.arg('keys')::text[])
       as f (name, type, size, key);

-- name: tag_ids :many
-- Tags by name, or by id where the text is a number.
select g.id from tags g
 where g.company_id = sqlc.arg('company_id')
   and (g.name = any(sqlc.arg('names')::text[]) or g.id = any(sqlc.arg('ids')::integer[]));

-- name: take_turn :one
-- One more of `turns` in `per`; when not allowed, in how many seconds the next will be.
select t.allowed, coalesce(ceil(extract(epoch from t.retry_after)), 0)::integer as retry_after
  from take_turn(sqlc.arg('key'), sqlc.arg('turns'), sqlc.arg('per')::interval) as t;
