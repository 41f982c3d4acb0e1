-- The bicycle shop: who works there, through which channels it is reached, and what it asks about a ticket.
-- What the company has already is used: a channel of the same type, an agent of the same address, a field of the same name.

-- step: company
-- $1 key
insert into companies (key, name, timezone)
select $1::text, 'Northwind Bikes', 'Europe/Moscow' where not exists (select 1 from companies where key = $1)
on conflict (key) do nothing

-- step: groups
-- $1 company
insert into groups (company_id, name)
select $1::integer, w.name
  from unnest(array['Support', 'Orders', 'Delivery', 'Workshop', 'Billing', 'Wholesale']) with ordinality as w (name, place)
 where not exists (select 1 from groups g where g.company_id = $1 and g.name = w.name)
 order by w.place

-- step: agents
-- $1 company, $2 names. Each has a home group, the first six one each, and helps out in the next.
insert into agents (company_id, name, email, role, default_group_id)
select $1::integer, w.name, lower(w.name) || '@northwind.example', case when w.place = 1 then 'admin' else 'agent' end,
       (select g.id from groups g where g.company_id = $1 order by g.id offset (w.place - 1) % 6 limit 1)
  from unnest($2::text[]) with ordinality as w (name, place)
 order by w.place
on conflict (company_id, email) do nothing

-- step: members
-- $1 company, $2 names
insert into group_members (company_id, group_id, agent_id)
select $1::integer, g.id, a.id
  from unnest($2::text[]) with ordinality as w (name, place)
  join agents a on a.company_id = $1 and a.email = lower(w.name) || '@northwind.example'
  join (select id, row_number() over (order by id) - 1 as place from groups where company_id = $1 order by id limit 6) g
    on g.place in ((w.place - 1) % 6, w.place % 6)
on conflict do nothing

-- step: channels
-- $1 company
insert into channels (company_id, type, name, email, application_id, group_id)
select $1::integer, w.type, w.name, case when w.type = 'email' then 'support@northwind.example' end,
       replace(gen_random_uuid()::text, '-', ''),
       (select g.id from groups g where g.company_id = $1 order by g.id limit 1)
  from unnest(array['api', 'email', 'whatsapp_pact', 'telegram_pact', 'telegram_bot', 'viber_chat2desk', 'whatsapp_cloud'],
              array['Site form', 'Support mail', 'WhatsApp', 'Telegram', 'Telegram bot', 'Viber', 'WhatsApp (shop)'])
       with ordinality as w (type, name, place)
 where not exists (select 1 from channels c where c.company_id = $1 and c.type = w.type and c.active)
 order by w.place

-- step: fields
-- $1 company
insert into fields (company_id, name, kind, position, add_tag)
select $1::integer, w.name, w.kind, w.place, w.name = 'Reason'
  from unnest(array['Order number', 'VIP order', 'Reason', 'Shop', 'Frame number', 'Under warranty', 'Promo code', 'Category', 'Model', 'Part'],
              array['text', 'checkbox', 'list', 'list', 'text', 'checkbox', 'text', 'nested_list', 'nested_list', 'nested_list'])
       with ordinality as w (name, kind, place)
 where not exists (select 1 from fields f where f.company_id = $1 and f.name = w.name)
 order by w.place

-- step: levels
-- $1 company
update fields f
   set parent_field_id = u.id
  from fields u
 where f.company_id = $1 and u.company_id = $1 and f.kind = 'nested_list' and u.kind = 'nested_list'
   and (u.name, f.name) in (('Category', 'Model'), ('Model', 'Part'))

-- step: options
-- $1 company. The options of a list, and those of the first level of the nested one.
insert into field_options (company_id, field_id, value, position)
select $1::integer, f.id, w.value, w.place
  from fields f
 cross join lateral unnest(case f.name
       when 'Reason' then array['Delivery', 'Payment', 'Quality', 'Exchange', 'Advice', 'Complaint']
       when 'Shop' then array['Moscow', 'Saint Petersburg', 'Kazan', 'Samara', 'Novosibirsk', 'Online', 'Tver', 'Sochi']
       else array['Road', 'City', 'Mountain', 'Kids'] end) with ordinality as w (value, place)
 where f.company_id = $1 and f.name in ('Reason', 'Shop', 'Category')
   and not exists (select 1 from field_options o where o.company_id = $1 and o.field_id = f.id)
 order by f.id, w.place

-- step: suboptions
-- $1 company, $2 the level's name, $3 the name of the level above, $4 what stands below each of that level's options
insert into field_options (company_id, field_id, parent_option_id, value, position)
select $1::integer, f.id, o.id, case when f.name = 'Model' then o.value || ' ' else '' end || w.value, o.position * 100 + w.place
  from fields f
  join fields u on u.company_id = $1 and u.name = $3
  join field_options o on o.company_id = $1 and o.field_id = u.id
 cross join unnest($4::text[]) with ordinality as w (value, place)
 where f.company_id = $1 and f.name = $2
   and not exists (select 1 from field_options x where x.company_id = $1 and x.field_id = f.id)
 order by o.position, w.place

-- step: tags
-- $1 company, $2 names
insert into tags (company_id, name)
select $1::integer, w.name
  from (select w.name, w.place from unnest($2::text[]) with ordinality as w (name, place)
        union all
        select 'Reason:' || o.value, 1000 + o.position
          from field_options o join fields f on f.company_id = $1 and f.id = o.field_id
         where o.company_id = $1 and f.name = 'Reason') w
 order by w.place
on conflict (company_id, name) do nothing

-- step: client companies
-- $1 company, $2 how many
insert into client_companies (company_id, name)
select $1::integer, (array['Atlas', 'Borealis', 'Cedar', 'Dnepr', 'Ermine', 'Fjord', 'Granit', 'Helix', 'Iskra', 'Juniper'])[1 + n % 10]
       || ' ' || (array['Trade', 'Sport', 'Logistics', 'Studio', 'Group'])[1 + n / 10 % 5] || ' ' || n
  from generate_series(1, $2::integer) n
 order by n
on conflict (company_id, name) do nothing

-- step: cast
-- $1 company, $2 agents' names, $3 tags' names: the ids, each list in the order in which the story counts.
select (select array_agg(g.id order by g.id) from (select id from groups where company_id = $1 order by id limit 6) g) as groups,
       (select array_agg(a.id order by w.place)
          from unnest($2::text[]) with ordinality as w (name, place)
          join agents a on a.company_id = $1 and a.email = lower(w.name) || '@northwind.example') as agents,
       (select array_agg(c.id order by w.place)
          from unnest(array['api', 'email', 'whatsapp_pact', 'telegram_pact', 'telegram_bot', 'viber_chat2desk', 'whatsapp_cloud'])
               with ordinality as w (type, place)
         cross join lateral (select id from channels where company_id = $1 and type = w.type and active order by id limit 1) c) as channels,
       (select array_agg(f.id order by w.place)
          from unnest(array['Order number', 'VIP order', 'Reason', 'Shop', 'Frame number', 'Under warranty', 'Promo code',
                            'Category', 'Model', 'Part']) with ordinality as w (name, place)
         cross join lateral (select id from fields where company_id = $1 and name = w.name order by id limit 1) f) as fields,
       (select array_agg(o.id order by o.position) from field_options o join fields f on f.company_id = $1 and f.id = o.field_id
         where o.company_id = $1 and f.name = 'Reason') as reasons,
       (select array_agg(o.id order by o.position) from field_options o join fields f on f.company_id = $1 and f.id = o.field_id
         where o.company_id = $1 and f.name = 'Shop') as shops,
       (select array_agg(o.id order by o.position) from field_options o join fields f on f.company_id = $1 and f.id = o.field_id
         where o.company_id = $1 and f.name = 'Category') as categories,
       (select array_agg(o.id order by u.position, o.position) from field_options o join fields f on f.company_id = $1 and f.id = o.field_id
          join field_options u on u.company_id = $1 and u.id = o.parent_option_id
         where o.company_id = $1 and f.name = 'Model') as models,
       (select array_agg(o.id order by u.position, o.position) from field_options o join fields f on f.company_id = $1 and f.id = o.field_id
          join field_options u on u.company_id = $1 and u.id = o.parent_option_id
         where o.company_id = $1 and f.name = 'Part') as parts,
       (select array_agg(g.id order by w.place) from unnest($3::text[]) with ordinality as w (name, place)
          join tags g on g.company_id = $1 and g.name = w.name) as tags,
       (select array_agg(g.id order by o.position) from field_options o
          join fields f on f.company_id = $1 and f.id = o.field_id and f.name = 'Reason'
          join tags g on g.company_id = $1 and g.name = 'Reason:' || o.value where o.company_id = $1) as reason_tags,
       (select array_agg(c.id order by c.id) from client_companies c where c.company_id = $1) as client_companies
