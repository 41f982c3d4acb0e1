-- The story, made on the server in temporary tables: what happened to whom and when. Nothing here is left to chance: each
-- number is drawn from the place of its row, so that any part can be told again in another session.

-- step: dice
-- In [0, 1), the same for the same row and salt.
create function pg_temp.chance(place bigint, salt integer) returns double precision language sql immutable
return (hashint8extended(place, salt) & 4294967295)::double precision / 4294967296;

-- The `place`-th comment's sentence for `slot`: its number in the pool (the one with the rare word once in 50,000 comments).
create function pg_temp.sentence(place bigint, slot integer, russian boolean, pool integer) returns integer language sql immutable
return case when slot = 3 and place % 50000 = 4321 then 2 * pool + 1 + (not russian)::integer
            else 1 + (not russian)::integer * pool + floor(pg_temp.chance(place, 100 + slot) * pool)::integer end;

create function pg_temp.has_third(place bigint) returns boolean language sql immutable
return pg_temp.chance(place, 99) < 0.5 or place % 50000 = 4321;

create function pg_temp.is_russian(ticket_place bigint) returns boolean language sql immutable
return pg_temp.chance(ticket_place, 98) < 0.5;

create function pg_temp.subject(ticket_place bigint, pool integer) returns integer language sql immutable
return 1 + (not pg_temp.is_russian(ticket_place))::integer * pool + floor(pg_temp.chance(ticket_place, 97) * pool)::integer;

-- The hour of a working day at a share of its tickets: few at night.
create function pg_temp.hours(share double precision) returns double precision language sql immutable
return case when share < 0.08 then share / 0.08 * 8
            when share < 0.94 then 8 + (share - 0.08) / 0.86 * 13
            else 21 + (share - 0.94) / 0.06 * 3 end;

-- Where the 1st … of `size` things ends when the n-th is met 1/n^skew times as often as the first.
create function pg_temp.zipf(size integer, skew double precision) returns double precision[] language sql immutable
return (select array_agg(w.upto / w.whole order by w.n)
          from (select n, sum(power(n, -skew)) over (order by n) as upto, sum(power(n, -skew)) over () as whole
                  from generate_series(1, size) n) w
         where w.n < size);

create function pg_temp.client_email(place integer) returns text language sql immutable
return (array['ivan', 'dana', 'oleg', 'maria', 'john', 'emma', 'pavel', 'anna', 'kate', 'igor'])[1 + place % 10] || '.' || place
       || (array['@mail.example', '@post.example', '@inbox.example'])[1 + place % 3];

-- step: tables
create temporary table plot (
    company_id integer, tickets integer, first_ticket integer, clients integer, first_client integer, first_comment bigint,
    midnight timestamptz, groups integer[], agents integer[], channels integer[], fields integer[], reasons integer[],
    shops integer[], categories integer[], models integer[], parts integer[], tags integer[], reason_tags integer[],
    client_companies integer[], agent_shares double precision[], tag_shares double precision[], sentences integer, subjects integer
);
create temporary table pool (no integer primary key, text text not null);
create temporary table subject_pool (no integer primary key, text text not null);

-- step: plot
insert into plot
select $1, $2, $3, $4, $5, 0, date_trunc('day', now(), 'UTC'), $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
       pg_temp.zipf(cardinality($7::integer[]), 1), pg_temp.zipf(cardinality($15::integer[]), 1), $18, $19

-- step: days
-- Three years, growing, with quiet week-ends.
create temporary table days as
select day, round(coalesce(lag(upto) over (order by day), 0) * tickets)::integer + 1 as first, round(upto * tickets)::integer as last
  from (select d.day, p.tickets, sum(d.weight) over (order by d.day) / sum(d.weight) over () as upto
          from plot p
         cross join lateral (
               select p.midnight - (1095 - n) * interval '1 day' as day,
                      case when extract(isodow from p.midnight - (1095 - n) * interval '1 day') > 5 then 0.4 else 1 end
                      * (1 + n / 1095.0) as weight
                 from generate_series(0, 1094) n) d) w;

-- step: tickets
create temporary table story as
select i, p.first_ticket + i - 1 as id, russian, client_no, status, channel_no,
       (case when channel_no = 2 then pg_temp.client_email(client_no) end) as email,
       p.agents[agent_no] as assignee_id,
       case when agent_no is null then case when pg_temp.chance(i, 8) < 0.7 then p.groups[1 + floor(pg_temp.chance(i, 9) * 6)::integer] end
            when pg_temp.chance(i, 8) < 0.78 then p.groups[1 + (agent_no - 1) % 6]
            when pg_temp.chance(i, 8) < 0.98 then p.groups[1 + agent_no % 6] end as group_id,
       created_at,
       date_trunc('second', case when status in (1, 5, 6, 8)
            then greatest(created_at, p.midnight - power(pg_temp.chance(i, 10), 2) * interval '4 days')
            else created_at + least(interval '3 minutes' + power(pg_temp.chance(i, 10), 4) * interval '12 days',
                                    (p.midnight - created_at) * pg_temp.chance(i, 15)) end)
            as updated_at,
       least(60, 1 + floor(-ln(1 - pg_temp.chance(i, 11)) * 4.5))::integer as comments
  from plot p
 cross join lateral (
       select i, pg_temp.is_russian(i) as russian,
              date_trunc('second', d.day + interval '1 hour'
                  * pg_temp.hours((i - d.first + pg_temp.chance(i, 1)) / (d.last - d.first + 1))) as created_at,
              1 + width_bucket(pg_temp.chance(i, 2), '{.6,.78,.88,.93,.96,.98}'::double precision[]) as channel_no,
              -- Even numbers speak Russian; a few write often, as in life.
              1 + pg_temp.is_russian(i)::integer
                + 2 * (((p.clients / 2 - 1) * power(pg_temp.chance(i, 3), 2.5))::bigint * 7919 % (p.clients / 2))::integer as client_no,
              case when pg_temp.chance(i, 4) >= case when p.tickets - i < p.tickets * 0.02 then 0.75
                                                     when p.tickets - i < p.tickets * 0.10 then 0.25 else 0.0166 end then 3
                   when p.tickets - i < p.tickets * 0.10
                   then ('{1,8,6,5,2}'::integer[])[1 + width_bucket(pg_temp.chance(i, 5), '{.35,.5,.75,.88}'::double precision[])]
                   else ('{2,6,5,7,4,10,9}'::integer[])[1 + width_bucket(pg_temp.chance(i, 5), '{.4,.55,.65,.82,.91,.97}'::double precision[])]
              end as status,
              case when pg_temp.chance(i, 6) >= 0.05 then 1 + width_bucket(pg_temp.chance(i, 7), p.agent_shares) end as agent_no
         from days d cross join generate_series(d.first, d.last) i
       offset 0) t;
analyze story;

-- step: lines
-- Every comment of every ticket, numbered in the order of time, as they are in a desk that was really used.
create temporary table lines as
select row_number() over (order by at, i, k) as no, i, k, at, russian, client_no, agent_id
  from (select s.i, k, s.russian,
               date_trunc('second', s.created_at + (s.updated_at - s.created_at) * ((k - 1) / greatest(s.comments - 1, 1)::double precision)) as at,
               case when not by_agent then s.client_no end as client_no,
               case when by_agent then coalesce(s.assignee_id, p.agents[1 + (s.i % cardinality(p.agents))]) end as agent_id
          from plot p
         cross join story s
         cross join generate_series(1, s.comments) k
         cross join lateral (
               select s.status <> 8 and pg_temp.chance(s.i::bigint * 64 + k, 12) < case when k = 1 then 0.06 else 0.52 end as by_agent
               offset 0) a) l;

-- step: first comment
update plot set first_comment = $1

-- step: clients
-- $1 first names and $2 last names of both languages: Russian ones at even places. A client is known since the first ticket.
select p.company_id, p.first_client + n - 1 as id,
       ($1::text[])[2 - (n % 2) + 2 * floor(pg_temp.chance(n, 35) * (cardinality($1::text[]) / 2))::integer] || ' '
       || ($2::text[])[2 - (n % 2) + 2 * floor(pg_temp.chance(n, 36) * (cardinality($2::text[]) / 2))::integer] as name,
       case when n % 50 = 0 then 'Prefers to be called in the evening' else '' end as note,
       case when pg_temp.chance(n, 30) < 0.15
            then p.client_companies[1 + floor(power(pg_temp.chance(n, 31), 2) * cardinality(p.client_companies))::integer] end as client_company_id,
       coalesce(s.since, p.midnight - interval '1095 days' * pg_temp.chance(n, 32)) as made_at
  from plot p
 cross join generate_series(1, p.clients) n
  left join (select client_no, min(created_at) as since from story group by client_no) s on s.client_no = n
 order by n

-- step: client_contacts
select p.company_id, p.first_client + n - 1 as client_id, c.kind, c.value, c.shown, c.phone_type, p.midnight as made_at
  from plot p
 cross join generate_series(1, p.clients) n
 cross join lateral (
       select 'email' as kind, pg_temp.client_email(n) as value, pg_temp.client_email(n) as shown, null as phone_type
        where pg_temp.chance(n, 33) < 0.85
        union all
       select 'phone', q.digits::text, '+' || q.digits, case when n % 9 = 0 then 'home' else 'mobile' end
         from (select 79000000000 + n::bigint * 48271 % 999999937 as digits) q
        where pg_temp.chance(n, 34) < 0.75
        union all
       select 'telegram', 'rider_' || n, '@rider_' || n, null where n % 12 = 0) c

-- step: tickets out
select p.company_id, s.id, j.text as subject, s.status::smallint as status,
       (1 + width_bucket(pg_temp.chance(i, 13), '{.80,.88,.96}'::double precision[]))::smallint as type,
       ('{2,1,3,4}'::smallint[])[1 + width_bucket(pg_temp.chance(i, 14), '{.85,.92,.98}'::double precision[])] as priority,
       p.first_client + s.client_no - 1 as client_id, p.channels[s.channel_no] as channel_id, s.group_id, s.assignee_id,
       s.created_at, s.updated_at,
       case when s.status in (1, 5, 6) and i % 40 = 0 then p.midnight + i % 14 * interval '1 day' + interval '34 hours' end as remind_at,
       s.email, case when s.channel_no = 1 and i % 10 = 0 then 'NB-' || i end as additional_id,
       (select coalesce(bit_or(1::bigint << (p.fields[f.no] % 63)), 0) from unnest(pg_temp.profile(i)) as f (no)
         where f.no <> 6 or pg_temp.chance(i, 73) < 0.8) as filled
  from plot p
 cross join story s
  join subject_pool j on j.no = pg_temp.subject(s.i, p.subjects)
 order by s.i

-- step: comments
select p.company_id, p.first_comment + l.no - 1 as id, p.first_ticket + l.i - 1 as ticket_id,
       case when l.agent_id is null then 'client' else 'user' end as author,
       case when l.agent_id is not null and l.k > 1 and pg_temp.chance(l.no, 40) < 0.15 then 'private' else 'public' end as visibility,
       l.agent_id, p.first_client + l.client_no - 1 as client_id, l.k = 1 as is_first,
       l.agent_id is not null as delivered, l.agent_id is not null and pg_temp.chance(l.no, 41) < 0.7 as seen, l.at as created_at,
       case when l.agent_id is null then concat_ws(' ', a.text, b.text, c.text)
            else '<p>' || concat_ws('</p><p>', a.text, b.text, c.text) || '</p>' end as message
  from plot p
 cross join lines l
  join pool a on a.no = pg_temp.sentence(l.no, 1, l.russian, p.sentences)
  join pool b on b.no = pg_temp.sentence(l.no, 2, l.russian, p.sentences)
  left join pool c on pg_temp.has_third(l.no) and c.no = pg_temp.sentence(l.no, 3, l.russian, p.sentences)

-- step: changes
-- Opened; given to somebody, which makes a new ticket an open one; then something of its own; at last what it is now.
select p.company_id, s.id as ticket_id, c.agent_id, c.data, c.old_status::smallint as old_status,
       c.new_status::smallint as new_status, c.at as changed_at
  from plot p
 cross join story s
 cross join lateral (
       select null::integer as agent_id, '[]'::jsonb as data, 0 as old_status, 8 as new_status, s.created_at as at
        union all
       select s.assignee_id,
              jsonb_build_array(json_build_object('target', 'assignee', 'value', s.assignee_id, 'old_value', null),
                                json_build_object('target', 'status', 'value', 1, 'old_value', 8)),
              8, 1, date_trunc('second', s.created_at + (s.updated_at - s.created_at) * 0.2)
        where s.status <> 8
        union all
       select s.assignee_id, '[{"target": "priority", "value": "medium", "old_value": "low"}]', 0, 0,
              date_trunc('second', s.created_at + (s.updated_at - s.created_at) * 0.6)
        where s.status <> 8 and pg_temp.chance(s.i, 50) < 0.3
        union all
       select s.assignee_id, jsonb_build_array(json_build_object('target', 'status', 'value', s.status, 'old_value', 1)),
              1, s.status, s.updated_at
        where s.status not in (1, 8)) c
 order by c.at, s.i, c.new_status <> 8

-- step: ticket_tags
select p.company_id, s.id as ticket_id, g.tag_id, g.field_id
  from plot p
 cross join story s
 cross join lateral (
       select distinct p.tags[1 + width_bucket(pg_temp.chance(s.i::bigint * 4 + n, 60), p.tag_shares)] as tag_id, null::integer as field_id
         from generate_series(1, width_bucket(pg_temp.chance(s.i, 61), '{.35,.7,.9}'::double precision[])) n
        union all
       select p.reason_tags[pg_temp.reason(s.i)], p.fields[3] where pg_temp.profile(s.i) && '{3}') g
 order by s.i

-- step: profiles
-- Which fields a ticket has (their places in plot.fields): five at most.
create function pg_temp.profile(place bigint) returns integer[] language sql immutable
return case width_bucket(pg_temp.chance(place, 70), '{.14,.3,.52,.68,.8,.88,.93,.97}'::double precision[])
       when 0 then '{}'::integer[] when 1 then '{1}' when 2 then '{1,3}' when 3 then '{1,3,4}' when 4 then '{1,3,8,9,10}'
       when 5 then '{3,8}' when 6 then '{1,3,4,5,6}' when 7 then '{1,2,3,7}' else '{1,2,8,9}' end;

create function pg_temp.reason(place bigint) returns integer language sql immutable
return 1 + width_bucket(pg_temp.chance(place, 71), '{.4,.65,.8,.9,.96}'::double precision[]);

-- step: ticket_fields
select p.company_id, s.id as ticket_id, p.fields[f.no] as field_id,
       case f.no when 1 then (100000 + s.i)::text when 2 then '1' when 3 then p.reasons[pg_temp.reason(s.i)]::text
                 when 4 then p.shops[1 + floor(power(pg_temp.chance(s.i, 72), 2) * 8)::integer]::text
                 when 5 then 'FR' || (s.i::bigint * 7919 % 10000000) when 6 then (pg_temp.chance(s.i, 73) < 0.8)::integer::text
                 when 7 then 'SPRING' || (s.i % 30) when 8 then p.categories[place.category]::text
                 when 9 then p.models[place.model]::text else p.parts[place.part]::text end as value
  from plot p
 cross join story s
 cross join lateral unnest(pg_temp.profile(s.i)) as f (no)
 cross join lateral (
       select 1 + c as category, 1 + c * 4 + m as model, 1 + (c * 4 + m) * 5 + floor(pg_temp.chance(s.i, 76) * 5)::integer as part
         from (select floor(power(pg_temp.chance(s.i, 74), 1.5) * 4)::integer as c, floor(pg_temp.chance(s.i, 75) * 4)::integer as m offset 0) q) place
 order by s.i

-- step: words
-- The search documents, from each sentence's own words: joining vectors moves the later one's positions behind the
-- earlier one's, which is what to_tsvector says of the joined text, at a twentieth of the cost.
create temporary table pool (no integer primary key, text text not null, words tsvector);
create temporary table subject_pool (no integer primary key, text text not null, words tsvector);

-- step: count words
update pool set words = to_tsvector('russian', text);
update subject_pool set words = to_tsvector('russian', text);
analyze pool;
analyze subject_pool;

-- step: subject documents
-- $1 company, $2 first ticket, $3 subjects
insert into search_documents (company_id, ticket_id, comment_id, words)
select t.company_id, t.id, 0, j.words
  from tickets t
  join subject_pool j on j.no = pg_temp.subject(t.id - $2::integer + 1, $3)
 where t.company_id = $1

-- step: comment documents
-- $1 company, $2 first ticket, $3 first comment, $4 sentences
insert into search_documents (company_id, ticket_id, comment_id, words)
select d.company_id, d.ticket_id, d.id, case when c.no is null then a.words || b.words else a.words || b.words || c.words end
  from (select company_id, ticket_id, id, id - $3::bigint + 1 as no, pg_temp.is_russian(ticket_id - $2::integer + 1) as russian
          from comments where company_id = $1) d
  join pool a on a.no = pg_temp.sentence(d.no, 1, d.russian, $4)
  join pool b on b.no = pg_temp.sentence(d.no, 2, d.russian, $4)
  left join pool c on pg_temp.has_third(d.no) and c.no = pg_temp.sentence(d.no, 3, d.russian, $4)
