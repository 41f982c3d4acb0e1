-- One delivery with its request and its attempts: one JSON text, made by PostgreSQL.
-- $1 company, $2 delivery, $3 token hash, $4 configuration version, $5 the name that webhooks are sent under.
-- Answers (current, body): not current: the caller must be looked up again; no body: no such delivery here.
-- "shown" is the text of delivery_shown.sql. Of an address only what is no secret is shown: neither its user nor its query.
select exists (
           select from api_tokens k join companies c on c.id = k.company_id
            where k.hash = $3 and k.company_id = $1 and c.config_version = $4) as current,
       (select convert_to((
           '{"delivery":' || left(/*shown*/::text, -1)
           || ', "request" : ' || coalesce(case when d.kind = 'webhook' then json_build_object(
                  'method', 'POST',
                  'url', regexp_replace(regexp_replace(h.settings #>> '{adapter,webhook_url}', '[?#].*$', ''), '//[^/@]*@', '//'),
                  'headers', json_build_object(
                      'Content-Type', case h.settings #>> '{adapter,webhook_format}'
                                      when 'form' then 'application/x-www-form-urlencoded; charset=utf-8'
                                      else 'application/json; charset=utf-8' end,
                      'User-Agent', $5::text, 'webhook-id', d.event_id, 'webhook-sequence', d.sequence),
                  'body', d.body) end::text, 'null')
           || ', "provider_ids" : ' || coalesce((
               select json_agg(n.name order by n.name)
                 from delivery_names n where n.company_id = $1 and n.delivery_id = d.id), '[]')::text
           || '},"attempts":' || coalesce((
               select json_agg(json_build_object(
                          'number', a.number,
                          'began_at', to_char(a.began_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'ended_at', to_char(a.ended_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                          'seconds', round(extract(epoch from a.ended_at - a.began_at)::numeric, 3),
                          'outcome', a.outcome, 'http_status', a.http_status, 'code', a.code, 'answer', a.said)
                      order by a.number desc)
                 from delivery_attempts a where a.company_id = $1 and a.delivery_id = d.id), '[]')::text
           || '}'), 'UTF8')
          from deliveries d
          join channels h on h.company_id = $1 and h.id = d.channel_id
         where d.company_id = $1 and d.id = $2) as body
