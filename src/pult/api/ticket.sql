-- A ticket with its comments, history, tags and fields as the wire shows them: one JSON text, made by PostgreSQL.
-- $1 company, $2 ticket, $3 token hash, $4 configuration version, $5 channels that the agent asked about may see (null:
-- nobody was asked about), $6 those where it may write, $7 with SLA, $8 the desk's address, $9 the secret that signs file
-- links, $10 when such a link ends (unix time; 0: never).
-- Answers (current, body): not current: the caller must be looked up again; no body: no such ticket here.
with held as (
    select * from tickets
     where company_id = $1 and id = $2 and ($5::integer[] is null or channel_id = any ($5))
), said as (
    select c.* from comments c, held t where c.company_id = $1 and c.ticket_id = t.id
), people as materialized (
    select l.id, l.name,
           json_build_object(
               'id', l.id, 'name', l.name, 'note', l.note,
               'emails', (select coalesce(json_agg(json_build_object('email', o.shown) order by o.id), '[]')
                            from client_contacts o
                           where o.company_id = $1 and o.client_id = l.id and o.kind = 'email'),
               'phones', (select coalesce(json_agg(json_build_object('phone', o.shown, 'type', o.phone_type) order by o.id), '[]')
                            from client_contacts o
                           where o.company_id = $1 and o.client_id = l.id and o.kind = 'phone')) as shown
      from clients l
     where l.company_id = $1 and l.id in (select client_id from said union select client_id from held)
)
select exists (
           select from api_tokens k join companies c on c.id = k.company_id
            where k.hash = $3 and k.company_id = $1 and c.config_version = $4) as current,
       (select convert_to((
           '{"ticket":' || with_sla.ticket
           || ',"comments":' || coalesce((
               select json_agg(json_build_object(
                          'id', c.id, 'message', c.message, 'from', c.author, 'type', c.visibility,
                          'user_id', c.agent_id, 'client_id', c.client_id, 'client_name', p.name,
                          'ticket_id', c.ticket_id, 'is_first', c.is_first::integer, 'delivered', c.delivered::integer,
                          'readed', c.seen::integer,
                          'published_at', to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'file', f.first, 'files', coalesce(f.shown, '[]'),
                          'cc', to_json(c.cc), 'bcc', to_json(c.bcc),
                          'client', p.shown,
                          'user', case when a.id is not null
                                       then json_build_object('id', a.id, 'name', a.name, 'email', a.email) end)
                      order by c.id desc)
                 from said c
                 left join people p on p.id = c.client_id
                 left join agents a on a.company_id = $1 and a.id = c.agent_id
                 left join lateral (
                     select min(x.id) as first,
                            json_agg(json_build_object(
                                'name', x.name, 'type', x.type,
                                'file', $8::text || '/files/' || $1 || '/' || x.id || '/' || $10::bigint || '/'
                                    || left(encode(sha256($9::bytea || sha256($9::bytea || convert_to(
                                           $1 || '/' || x.id || '/' || $10::bigint, 'UTF8'))), 'hex'), 32) || '/'
                                    || (select coalesce(string_agg(
                                                   case when chr(byte) ~ '[A-Za-z0-9_.~-]' then chr(byte)
                                                        else '%' || upper(lpad(to_hex(byte), 2, '0')) end, '' order by place), '')
                                          from (select place, get_byte(convert_to(x.name, 'UTF8'), place) as byte
                                                  from generate_series(0, octet_length(x.name) - 1) as place) as bytes))
                                order by x.id) as shown
                       from files x
                      where x.company_id = $1 and x.comment_id = c.id
                     having count(*) > 0) f on true), '[]')::text
           || ',"changes":' || coalesce((
               select json_agg(json_build_object(
                          'id', h.id, 'trigger_id', h.trigger_id, 'user_id', h.agent_id, 'ticket_id', h.ticket_id,
                          'data', h.data,
                          'changed_at', to_char(h.changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'old_status', h.old_status, 'new_status', h.new_status, 'company_id', h.company_id)
                      order by h.id desc)
                 from changes h where h.company_id = $1 and h.ticket_id = t.id), '[]')::text
           || ',"tags":' || coalesce((
               select json_agg(g.name order by g.name)
                 from ticket_tags x join tags g on g.company_id = $1 and g.id = x.tag_id
                where x.company_id = $1 and x.ticket_id = t.id), '[]')::text
           || ',"custom_fields":' || coalesce((
               select json_agg(json_build_object(
                          'id', v.id, 'ticket_id', v.ticket_id, 'ticket_field_id', v.field_id, 'value', v.value)
                      order by v.id)
                 from ticket_fields v where v.company_id = $1 and v.ticket_id = t.id), '[]')::text
           || case when $5::integer[] is null then ''
                   when t.channel_id = any ($6::integer[]) then ',"rights":"write"'
                   else ',"rights":"read"' end
           || '}'), 'UTF8')
          from held t,
               lateral (
                   select json_build_object(
                              'id', t.id, 'status_id', t.status, 'subject', t.subject, 'client_id', t.client_id,
                              'client_name', (select p.name from people p where p.id = t.client_id),
                              'assignee_id', t.assignee_id, 'group', t.group_id, 'channel_id', t.channel_id,
                              'company_id', t.company_id, 'email', t.email,
                              'priority', (array['low', 'medium', 'urgent', 'extreme'])[t.priority],
                              'type', (array['question', 'task', 'problem', 'incident'])[t.type],
                              'additional_id', t.additional_id,
                              'published_at', to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                              'last_updated_at', to_char(t.updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))::text
                          as plain,
                          case when $7::boolean then (
                              select json_agg(json_build_object(
                                         'type', s.type,
                                         'date', to_char(s.due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')) order by s.type)
                                from ticket_slas s where s.company_id = $1 and s.ticket_id = t.id) end as sla) shown,
               lateral (
                   select case when shown.sla is null then shown.plain
                               else left(shown.plain, -1) || ', "active_sla" : ' || shown.sla || '}' end as ticket)
               with_sla
       ) as body
