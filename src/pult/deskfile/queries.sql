-- What only a desk file asks: companies, the clients that it names, and rules as they were configured.

-- name: take_turn_to_configure :exec
-- Held until the end of the transaction: two desk files are brought in one after the other, in the whole installation.
select pg_advisory_xact_lock(hashtext('pult configuration'))::text as taken;

-- name: any_company :one
select id from companies order by id limit 1;

-- name: company_by_key :one
-- row: CompanyRow
select id, name, timezone, language from companies where key = sqlc.arg('key');

-- name: insert_company :value
insert into companies (key, name) values (sqlc.arg('key'), sqlc.arg('name')) returning id;

-- name: update_company :exec
update companies set name = sqlc.arg('name'), timezone = sqlc.arg('timezone'), language = sqlc.arg('language')
 where id = sqlc.arg('id');

-- name: move_version :exec
-- Whoever keeps the company's configuration in memory reads it again.
update companies set config_version = config_version + 1 where id = sqlc.arg('id');

-- name: client_companies_named :many
-- row: ClientCompanyRow
select id, name from client_companies
 where company_id = sqlc.arg('company_id') and name = any(sqlc.arg('names')::text[]) order by id;

-- name: insert_client_company :value
-- One that somebody else is making just now is waited for, and taken.
insert into client_companies (company_id, name) values (sqlc.arg('company_id'), sqlc.arg('name'))
on conflict (company_id, name) do update set name = excluded.name
returning id;

-- name: clients_known :many
-- The clients with one of these keys or contacts.
-- row: ClientRow
select l.id, l.key, l.name, l.client_company_id
  from clients l
 where l.company_id = sqlc.arg('company_id')
   and (l.key = any(sqlc.arg('keys')::text[])
        or l.id in (
            select o.client_id
              from client_contacts o
              join unnest(sqlc.arg('kinds')::text[], sqlc.arg('contact_values')::text[]) as w (kind, value)
                on w.kind = o.kind and w.value = o.value
             where o.company_id = sqlc.arg('company_id')))
 order by l.id;

-- name: contacts_known :many
-- Those of these contacts that have an owner.
-- row: ContactRow
select o.id, o.client_id, o.kind, o.value, o.phone_type
  from client_contacts o
  join unnest(sqlc.arg('kinds')::text[], sqlc.arg('contact_values')::text[]) as w (kind, value)
    on w.kind = o.kind and w.value = o.value
 where o.company_id = sqlc.arg('company_id')
 order by o.id;

-- name: insert_client :value
insert into clients (company_id, key, name) values (sqlc.arg('company_id'), sqlc.arg('key'), sqlc.arg('name')) returning id;

-- name: update_client :exec
update clients
   set key = sqlc.arg('key'), name = sqlc.arg('name'), client_company_id = sqlc.narg('client_company_id')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: insert_contact :execrows
-- 0 rows: somebody else has it, since a moment ago.
insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
values (sqlc.arg('company_id'), sqlc.arg('client_id'), sqlc.arg('kind'), sqlc.arg('value'), sqlc.arg('shown'),
        sqlc.narg('phone_type'))
on conflict (company_id, kind, value) do nothing;

-- name: update_phone_type :exec
update client_contacts set phone_type = sqlc.arg('phone_type')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: schedules_of :many
-- row: ScheduleRow
select id, key, definition from schedules where company_id = sqlc.arg('company_id') order by id;

-- name: insert_schedule :value
insert into schedules (company_id, key, definition)
values (sqlc.arg('company_id'), sqlc.arg('key'), sqlc.arg('definition')::jsonb) returning id;

-- name: update_schedule :exec
update schedules set definition = sqlc.arg('definition')::jsonb
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: delete_schedule :exec
delete from schedules where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: slas_of :many
-- row: RuleRow
select id, key, name, position, definition, active from slas where company_id = sqlc.arg('company_id') order by id;

-- name: insert_sla :value
insert into slas (company_id, key, name, position, definition)
values (sqlc.arg('company_id'), sqlc.arg('key'), sqlc.arg('name'), sqlc.arg('position'), sqlc.arg('definition')::jsonb)
returning id;

-- name: update_sla :exec
update slas set name = sqlc.arg('name'), position = sqlc.arg('position'), definition = sqlc.arg('definition')::jsonb,
                active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: triggers_of :many
-- row: RuleRow
select id, key, name, position, definition, active from triggers where company_id = sqlc.arg('company_id') order by id;

-- name: insert_trigger :value
insert into triggers (company_id, key, name, position, definition)
values (sqlc.arg('company_id'), sqlc.arg('key'), sqlc.arg('name'), sqlc.arg('position'), sqlc.arg('definition')::jsonb)
returning id;

-- name: update_trigger :exec
update triggers set name = sqlc.arg('name'), position = sqlc.arg('position'), definition = sqlc.arg('definition')::jsonb,
                    active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');
