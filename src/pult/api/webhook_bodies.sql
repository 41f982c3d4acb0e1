-- What receivers are told, as JSON texts made by PostgreSQL: one row for each delivery whose cause exists.
-- $1 company, $2 ids of deliveries, $3 the desk's address, $4 the secret that signs file links, $5 when such a link ends
-- (unix time; 0: never).
-- Answers (id, body, html): `html` is the message of a chat event, whose `text` is filled in as plain text by the caller.
with asked as materialized (
    select d.id, d.event, d.ticket_id, d.change_id, d.cause_id, d.details, h.application_id,
           case when d.event = 'ticket' then coalesce(d.comment_id, (
                    select min(c.id) from comments c where c.company_id = $1 and c.ticket_id = d.ticket_id))
                when d.event in ('comment', 'chat', 'delivery') then d.comment_id end as comment_id
      from deliveries d
      join channels h on h.company_id = $1 and h.id = d.channel_id
     where d.company_id = $1 and d.id = any ($2::bigint[]) and d.kind = 'webhook'
), held as materialized (
    select t.*, split_part(h.type, '_', 1) as platform
      from tickets t join channels h on h.company_id = $1 and h.id = t.channel_id
     where t.company_id = $1 and t.id in (select ticket_id from asked)
), people as materialized (
    select l.id,
           json_build_object(
               'id', l.id, 'name', l.name, 'avatar', null, 'note', l.note,
               'emails', (select coalesce(json_agg(json_build_object('email', o.shown, 'client_id', l.id) order by o.id), '[]')
                            from client_contacts o
                           where o.company_id = $1 and o.client_id = l.id and o.kind = 'email'),
               'phones', (select coalesce(json_agg(json_build_object(
                                     'phone', o.shown, 'type', o.phone_type, 'client_id', l.id) order by o.id), '[]')
                            from client_contacts o
                           where o.company_id = $1 and o.client_id = l.id and o.kind = 'phone'),
               'additional_ids', '[]'::json) as shown
      from clients l
     where l.company_id = $1 and l.id in (select client_id from held)
), filled as materialized (
    select v.ticket_id,
           json_agg(json_build_object(
               'id', v.id, 'ticket_field_id', v.field_id, 'name', f.name, 'value', v.value) order by v.id) as shown
      from ticket_fields v join fields f on f.company_id = $1 and f.id = v.field_id
     where v.company_id = $1 and v.ticket_id in (select id from held)
     group by v.ticket_id
), attached as materialized (
    select x.comment_id, min(x.id) as first,
           json_agg(link.url order by x.id) as urls,
           json_agg(json_build_object('name', x.name, 'type', x.type, 'file', link.url) order by x.id) as shown
      from files x,
           lateral (
               select $3::text || '/files/' || $1 || '/' || x.id || '/' || $5::bigint || '/'
                      || left(encode(sha256($4::bytea || sha256($4::bytea || convert_to(
                             $1 || '/' || x.id || '/' || $5::bigint, 'UTF8'))), 'hex'), 32) || '/'
                      || (select coalesce(string_agg(
                                     case when chr(byte) ~ '[A-Za-z0-9_.~-]' then chr(byte)
                                          else '%' || upper(lpad(to_hex(byte), 2, '0')) end, '' order by place), '')
                            from (select place, get_byte(convert_to(x.name, 'UTF8'), place) as byte
                                    from generate_series(0, octet_length(x.name) - 1) as place) as bytes) as url) link
     where x.company_id = $1 and x.comment_id in (select comment_id from asked)
     group by x.comment_id
)
select a.id,
       case a.event
       when 'ticket' then json_build_object(
           'secret', a.application_id, 'ticket', ticket.shown, 'client', p.shown,
           'custom_fields', coalesce(v.shown, '[]'), 'custom_blocks', '[]'::json)
       when 'comment' then (
           select json_build_object(
                      'secret', a.application_id,
                      'comment', json_build_object(
                          'id', c.id, 'message', c.message, 'from', c.author, 'type', c.visibility,
                          'user_id', c.agent_id, 'client_id', c.client_id, 'ticket_id', c.ticket_id,
                          'is_first', c.is_first::integer, 'delivered', c.delivered::integer, 'readed', c.seen::integer,
                          'published_at', to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'file', f.first, 'files', coalesce(f.shown, '[]')),
                      'client', p.shown, 'assignee_id', t.assignee_id, 'custom_fields', coalesce(v.shown, '[]'))
            where c.id is not null)
       when 'change' then (
           select json_build_object(
                      'secret', a.application_id,
                      'trigger', json_build_object(
                          'id', g.id, 'trigger_id', g.trigger_id, 'user_id', g.agent_id, 'ticket_id', g.ticket_id,
                          'data', g.data,
                          'changed_at', to_char(g.changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'old_status', g.old_status, 'new_status', g.new_status, 'company_id', g.company_id),
                      'client', p.shown, 'assignee_id', t.assignee_id, 'custom_fields', coalesce(v.shown, '[]'),
                      'custom_blocks', '[]'::json)
             from changes g where g.company_id = $1 and g.id = a.change_id)
       when 'rating' then (
           select json_build_object(
                      'secret', a.application_id,
                      'csi', json_build_object(
                          'id', r.id, 'user_id', r.agent_id, 'client_id', r.client_id, 'ticket_id', r.ticket_id,
                          'rating', r.rating, 'company_id', r.company_id, 'ticket_comment_id', r.comment_id,
                          'comment', r.comment,
                          'created_at', to_char(r.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'updated_at', to_char(r.updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')))
             from ratings r where r.company_id = $1 and r.id = a.cause_id)
       when 'chat' then (
           select json_build_object(
                      'secret', a.application_id,
                      'chat_id', coalesce((
                          select k.id from conversations k
                           where k.company_id = $1 and k.client_id = t.client_id and k.channel_id = t.channel_id
                           order by k.ticket_id is not distinct from t.id desc, k.id desc limit 1), t.id),
                      'text', '', 'client_id', t.client_id, 'client', p.shown,
                      'from', case c.author when 'client' then 'client' else 'user' end, 'platform', t.platform,
                      'state', coalesce(a.details ->> 'word', case when c.is_first then 'new' end),
                      'ticket', ticket.shown)
            where c.id is not null)
       when 'delivery' then json_build_object(
           'message_status', json_build_object(
               'delivery_status', a.details ->> 'word', 'comment_id', a.comment_id,
               'extras', json_build_object('ticket_id', a.ticket_id)))
       end::text as body,
       case when a.event = 'chat' then c.message end as html
  from asked a
  join held t on t.id = a.ticket_id
  left join people p on p.id = t.client_id
  left join filled v on v.ticket_id = t.id
  left join comments c on c.company_id = $1 and c.id = a.comment_id
  left join attached f on f.comment_id = a.comment_id
 cross join lateral (
     select case when a.event in ('ticket', 'chat') then json_build_object(
                'id', t.id, 'status_id', t.status, 'subject', t.subject, 'client_id', t.client_id,
                'assignee_id', t.assignee_id, 'group', t.group_id,
                'last_updated_at', to_char(t.updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                'channel_id', t.channel_id, 'email', t.email,
                'published_at', to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                'company_id', t.company_id, 'additional_id', t.additional_id, 'message', c.message,
                'files', coalesce(f.urls, '[]')) end as shown) ticket
