-- name: conversations_with :many
-- Those in a channel with whom the provider knows, by its own id of them, or by the client's name, phone or nickname.
select v.id, coalesce(v.provider_ref, case when v.address like 'id:%' then substr(v.address, 4) end)::text as provider_ref
  from conversations v
  join clients l on l.company_id = v.company_id and l.id = v.client_id
 where v.company_id = sqlc.arg('company_id') and v.channel_id = sqlc.arg('channel_id')
   and (v.provider_ref is not null or v.address like 'id:%')
   and (v.provider_ref = sqlc.arg('whom') or v.address = 'id:' || sqlc.arg('whom')::text or l.name = sqlc.arg('whom') or exists (
       select from client_contacts o
        where o.company_id = v.company_id and o.client_id = v.client_id and o.value = sqlc.arg('whom')))
 order by v.id;
