-- A page of the list as the wire shows it: one JSON text, made by PostgreSQL.
-- $1 company, $2 token hash, $3 configuration version, $4 channels where the agent asked about may write (null: nobody was
-- asked about), $5 with SLA, $6 ids of the active fields, $7 what stands before the value of each: {"id":25,"name":"Reason","value":
-- From $8: what the keys are asked with. /*keys*/ is their statement (pult.tickets.listing), in the page's order.
-- Answers (current, body): not current: the caller must be looked up again.
with page as materialized (
    select k.id, row_number() over () as place from (/*keys*/) k
)
select exists (
           select from api_tokens k join companies c on c.id = k.company_id
            where k.hash = $2 and k.company_id = $1 and c.config_version = $3) as current,
       (select convert_to('[' || coalesce(string_agg(
           '{"id":' || t.id
           || ',"subject":' || to_json(t.subject)
           || ',"client_id":' || t.client_id
           || ',"client_name":' || to_json(l.name)
           || ',"assignee_id":' || coalesce(t.assignee_id::text, 'null')
           || ',"channel_id":' || t.channel_id
           || ',"group":' || coalesce(t.group_id::text, 'null')
           || ',"created_at":"' || to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
           || '","last_updated_at":"' || to_char(t.updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
           || '","channel_email":' || coalesce(to_json(h.email)::text, 'null')
           || coalesce(',"active_sla":' || s.shown, '')
           || ',"ticket_fields":[' || f.shown
           || '],"tags":[' || coalesce(g.shown, '')
           || '],"status":' || t.status
           || ',"priority":"' || (array['low', 'medium', 'urgent', 'extreme'])[t.priority]
           || '","type":"' || (array['question', 'task', 'problem', 'incident'])[t.type]
           || '","last_comment":' || coalesce(to_json(c.message)::text, 'null')
           || ',"remind_at":' || coalesce(to_json(to_char(t.remind_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))::text, 'null')
           || ',"email":' || coalesce(to_json(t.email)::text, 'null')
           || case when $4::integer[] is null then ''
                   when t.channel_id = any ($4::integer[]) then ',"rights":"write"'
                   else ',"rights":"read"' end
           || '}', ',' order by p.place), '') || ']', 'UTF8')
          from page p
          join tickets t on t.company_id = $1 and t.id = p.id
          join clients l on l.company_id = $1 and l.id = t.client_id
          join channels h on h.company_id = $1 and h.id = t.channel_id
          cross join lateral (
              select coalesce(string_agg(w.head || coalesce(to_json(v.value)::text, 'null') || '}', ',' order by w.place), '') as shown
                from unnest($6::integer[], $7::text[]) with ordinality as w (field_id, head, place)
                left join (select x.field_id, x.value from ticket_fields x where x.company_id = $1 and x.ticket_id = t.id offset 0) v
                  on v.field_id = w.field_id) f
          left join lateral (
              select string_agg('{"name":' || to_json(n.name) || '}', ',' order by n.name) as shown
                from ticket_tags x join tags n on n.company_id = $1 and n.id = x.tag_id
               where x.company_id = $1 and x.ticket_id = t.id) g on true
          left join lateral (
              select m.message from comments m
               where m.company_id = $1 and m.ticket_id = t.id order by m.id desc limit 1) c on true
          left join lateral (
              select json_agg(json_build_object(
                         'type', x.type, 'date', to_char(x.due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')) order by x.type)::text as shown
                from ticket_slas x
               where $5::boolean and x.company_id = $1 and x.ticket_id = t.id) s on true
       ) as body
