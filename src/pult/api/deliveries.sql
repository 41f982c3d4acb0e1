-- A page of the log of what leaves the desk, newest first: one JSON text, made by PostgreSQL.
-- $1 company, $2 token hash, $3 configuration version; the filters, each null where it is not asked for: $4 ticket, $5 comment,
-- $6 channel, $7 states, $8 kinds, $9 events, $10 made from, $11 made before; $12 rows to leave out.
-- Answers (current, body): not current: the caller must be looked up again. "shown" is the text of delivery_shown.sql.
select exists (
           select from api_tokens k join companies c on c.id = k.company_id
            where k.hash = $2 and k.company_id = $1 and c.config_version = $3) as current,
       (select convert_to(coalesce(json_agg(/*shown*/ order by d.id desc), '[]')::text, 'UTF8')
          from (
              select d.*
                from deliveries d
               where d.company_id = $1
                 and ($4::integer is null or d.ticket_id = $4)
                 and ($5::bigint is null or d.comment_id = $5 and d.ticket_id = (
                         select c.ticket_id from comments c where c.company_id = $1 and c.id = $5))
                 and ($6::integer is null or d.channel_id = $6)
                 and ($7::text[] is null or d.state = any ($7))
                 and ($8::text[] is null or d.kind = any ($8))
                 and ($9::text[] is null or d.event = any ($9))
                 and ($10::timestamptz is null or d.made_at >= $10)
                 and ($11::timestamptz is null or d.made_at < $11)
               order by d.id desc
               limit 100 offset $12::bigint) d) as body
