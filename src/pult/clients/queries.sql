-- name: find_for_ticket :one
-- Who is meant: the client by id, or the owners of contacts; and whether the caller is still who it was.
select exists(
           select 1 from companies c
            where c.id = sqlc.arg('company_id') and c.config_version = sqlc.arg('config_version')
              and (sqlc.narg('token_hash')::bytea is null or exists(
                  select 1 from api_tokens k where k.hash = sqlc.narg('token_hash') and k.company_id = sqlc.arg('company_id'))))
           as current,
       (select l.id from clients l
         where l.company_id = sqlc.arg('company_id') and l.id = sqlc.narg('client_id')::integer) as by_id,
       coalesce((
           select json_object_agg(o.kind || ':' || o.value, o.client_id)
             from client_contacts o
             join unnest(sqlc.arg('kinds')::text[], sqlc.arg('contact_values')::text[]) as w (kind, value)
               on w.kind = o.kind and w.value = o.value
            where o.company_id = sqlc.arg('company_id')), '{}')::text as owners,
       (select o.shown from client_contacts o
         where o.company_id = sqlc.arg('company_id') and o.client_id = sqlc.narg('client_id')::integer
           and o.kind = 'email' order by o.id limit 1) as email;

-- name: insert_client :one
-- A client with contacts; `contacts` says how many of them are really the new client's: fewer than given means that
-- another unit of work was first with one of them, and this one must be done again.
with client as (
    insert into clients (company_id, name) values (sqlc.arg('company_id'), sqlc.arg('name')) returning id
), contact as (
    insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
    select sqlc.arg('company_id'), c.id, w.kind, w.value, w.shown, nullif(w.phone_type, '')
      from client c,
           unnest(sqlc.arg('kinds')::text[], sqlc.arg('contact_values')::text[], sqlc.arg('shown')::text[],
                  sqlc.arg('phone_types')::text[]) as w (kind, value, shown, phone_type)
     order by w.kind, w.value
    on conflict (company_id, kind, value) do nothing
    returning id
)
select c.id, (select count(*) from contact) as contacts from client c;

-- name: add_contacts :many
-- Contacts that the company does not know yet; what is returned was added. A contact that another unit of work added
-- meanwhile is not returned: it has an owner now.
insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
select sqlc.arg('company_id'), sqlc.arg('client_id'), w.kind, w.value, w.shown, nullif(w.phone_type, '')
  from unnest(sqlc.arg('kinds')::text[], sqlc.arg('contact_values')::text[], sqlc.arg('shown')::text[], sqlc.arg('phone_types')::text[])
       as w (kind, value, shown, phone_type)
 order by w.kind, w.value
on conflict (company_id, kind, value) do nothing
returning id;

-- name: name_nameless :exec
-- A name for a client who has none; a known client keeps the name that the desk knows.
update clients set name = sqlc.arg('name')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('client_id') and name = '';

-- name: attach_company :one
-- The client's company by name, if there is one; whoever was attached elsewhere is re-attached.
with target as (
    select c.id from client_companies c
     where c.company_id = sqlc.arg('company_id') and c.name = sqlc.arg('name')
), attached as (
    update clients l
       set client_company_id = t.id
      from target t
     where l.company_id = sqlc.arg('company_id') and l.id = sqlc.arg('client_id')
       and l.client_company_id is distinct from t.id
)
select exists(select 1 from target) as found;

-- name: make_company :exec
insert into client_companies (company_id, name) values (sqlc.arg('company_id'), sqlc.arg('name'))
on conflict (company_id, name) do nothing;

-- name: add_address :exec
insert into client_addresses (company_id, client_id, country, city, address)
values (sqlc.arg('company_id'), sqlc.arg('client_id'), sqlc.arg('country'), sqlc.arg('city'), sqlc.arg('address'));

-- name: complete_first_address :execrows
-- What is given of an address replaces that part of the client's first one.
update client_addresses a
   set country = coalesce(nullif(sqlc.arg('country')::text, ''), a.country),
       city = coalesce(nullif(sqlc.arg('city')::text, ''), a.city),
       address = coalesce(nullif(sqlc.arg('address')::text, ''), a.address)
 where a.company_id = sqlc.arg('company_id')
   and a.id = (
       select min(b.id) from client_addresses b
        where b.company_id = sqlc.arg('company_id') and b.client_id = sqlc.arg('client_id'));
