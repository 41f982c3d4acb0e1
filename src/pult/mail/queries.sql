-- Raw mail, its way into the desk, and what finds the ticket that a message answers.

-- name: folder :one
select f.first_uid from mail_folders f
 where f.company_id = sqlc.arg('company_id') and f.channel_id = sqlc.arg('channel_id')
   and f.folder = sqlc.arg('folder') and f.uidvalidity = sqlc.arg('uidvalidity');

-- name: knows_folders :one
-- Whether the channel has read any mailbox before, and until when.
select count(*) > 0 as any, max(m.stored_at) as last_stored_at
  from mail_folders f
  left join mail_messages m on m.company_id = f.company_id and m.channel_id = f.channel_id
 where f.company_id = sqlc.arg('company_id') and f.channel_id = sqlc.arg('channel_id');

-- name: begin_folder :exec
insert into mail_folders (company_id, channel_id, folder, uidvalidity, first_uid)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('folder'), sqlc.arg('uidvalidity'), sqlc.arg('first_uid'))
on conflict (company_id, channel_id, folder, uidvalidity) do nothing;

-- name: stored_uids :many
select m.uid from mail_messages m
 where m.company_id = sqlc.arg('company_id') and m.channel_id = sqlc.arg('channel_id')
   and m.folder = sqlc.arg('folder') and m.uidvalidity = sqlc.arg('uidvalidity') and m.uid >= sqlc.arg('since_uid');

-- name: keep :one
-- A message of the mailbox; no row where it is here already.
insert into mail_messages (company_id, channel_id, folder, uidvalidity, uid, message_id, hash, size, key, reason)
values (sqlc.arg('company_id'), sqlc.arg('channel_id'), sqlc.arg('folder'), sqlc.arg('uidvalidity'), sqlc.arg('uid'),
        sqlc.narg('message_id'), sqlc.arg('hash'), sqlc.arg('size'), sqlc.arg('key'), sqlc.narg('reason'))
on conflict (company_id, channel_id, folder, uidvalidity, uid) do nothing
returning id;

-- name: waiting :many
-- What nobody has read yet, oldest first.
select m.id, m.message_id, m.hash, m.size, m.key, m.attempts, m.reason, m.stored_at
  from mail_messages m
 where m.company_id = sqlc.arg('company_id') and m.channel_id = sqlc.arg('channel_id') and m.state = 'stored'
 order by m.id
 limit sqlc.arg('most');

-- name: earlier :one
-- What came before this message: its copy, and whether another message has used its id.
select (select min(e.id) from mail_messages e
         where e.company_id = sqlc.arg('company_id') and e.channel_id = sqlc.arg('channel_id')
           and e.hash = sqlc.arg('hash') and e.message_id is not distinct from sqlc.narg('message_id')
           and e.id < sqlc.arg('id')) as copy_of,
       exists(select 1 from mail_messages e
               where e.company_id = sqlc.arg('company_id') and e.channel_id = sqlc.arg('channel_id')
                 and e.message_id = sqlc.narg('message_id') and e.hash <> sqlc.arg('hash')
                 and e.id < sqlc.arg('id')) as reused;

-- name: try_again :exec
-- A message is about to be read; counted, so that one that brings its reader down is noticed. Its name is set before it
-- becomes a comment: whoever answers that at once finds the message's id.
update mail_messages set attempts = attempts + 1, name = sqlc.arg('name')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: settle :exec
-- What became of a message; its comment is found by the name under which the desk took it.
update mail_messages m
   set state = sqlc.arg('state'), reason = sqlc.narg('reason'), sender = sqlc.narg('sender'),
       automatic = sqlc.arg('automatic'), settled_at = now(),
       comment_id = (select i.comment_id from incoming_messages i
                      where i.company_id = sqlc.arg('company_id') and i.channel_id = m.channel_id
                        and i.message_id = m.name)
 where m.company_id = sqlc.arg('company_id') and m.id = sqlc.arg('id');

-- name: counts :one
-- What of a folder is stored, and how far it has come.
select count(*) as stored, count(*) filter (where m.state = 'stored') as waiting,
       count(*) filter (where m.state = 'parsed') as parsed, count(*) filter (where m.state = 'ignored') as ignored,
       count(*) filter (where m.state = 'needs_attention') as needs_attention
  from mail_messages m
 where m.company_id = sqlc.arg('company_id') and m.channel_id = sqlc.arg('channel_id')
   and m.folder = sqlc.arg('folder') and m.uidvalidity = sqlc.arg('uidvalidity');

-- name: automatic_from :one
-- How many automatic messages came from this address during the last hour.
select count(*) as found from mail_messages m
 where m.company_id = sqlc.arg('company_id') and m.channel_id = sqlc.arg('channel_id')
   and m.sender = sqlc.arg('sender') and m.automatic and m.stored_at > now() - interval '1 hour';

-- name: tickets_of_ids :many
-- The tickets in which messages with these ids stand: those that came to the channel and those that it sent.
select i.name, t.ticket_id
  from unnest(sqlc.arg('message_ids')::text[]) as i (name)
 cross join lateral (
    select c.ticket_id
      from mail_messages m
      join incoming_messages k on k.company_id = sqlc.arg('company_id') and k.channel_id = sqlc.arg('channel_id')
           and k.message_id = m.name
      join comments c on c.company_id = sqlc.arg('company_id') and c.id = k.comment_id
     where m.company_id = sqlc.arg('company_id') and m.channel_id = sqlc.arg('channel_id') and m.message_id = i.name
    union all
    select d.ticket_id
      from delivery_names n
      join deliveries d on d.company_id = sqlc.arg('company_id') and d.id = n.delivery_id
     where n.company_id = sqlc.arg('company_id') and n.channel_id = sqlc.arg('channel_id')
       and n.name = 'message:' || i.name and d.ticket_id is not null
     limit 1) t;

-- name: ticket_exists :one
select exists(select 1 from tickets t where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('ticket_id')) as found;

-- name: takes_part :one
-- Whether the address belongs to the ticket's client or got a copy of any of its comments.
select exists(
           select 1 from tickets t
             join client_contacts k on k.company_id = sqlc.arg('company_id') and k.client_id = t.client_id and k.kind = 'email'
            where t.company_id = sqlc.arg('company_id') and t.id = sqlc.arg('ticket_id') and k.value = sqlc.arg('address')::text)
    or exists(
           select 1 from comments c
            where c.company_id = sqlc.arg('company_id') and c.ticket_id = sqlc.arg('ticket_id')
              and sqlc.arg('address')::text = any(select lower(x) from unnest(c.cc) as x)) as found;

-- name: is_copied :one
-- Whether the address only got a copy of a comment.
select exists(
           select 1 from comments c
            where c.company_id = sqlc.arg('company_id') and c.id = sqlc.arg('comment_id')
              and sqlc.arg('address')::text = any(select lower(x) from unnest(c.cc || c.bcc) as x)) as found;

-- name: taken_as :one
-- The comment that a message became.
select i.comment_id from incoming_messages i
 where i.company_id = sqlc.arg('company_id') and i.channel_id = sqlc.arg('channel_id') and i.message_id = sqlc.arg('name');

-- name: thread_of :many
-- The ids of a ticket's messages in this channel, oldest first. `came`: it came from outside.
select t.message_id, t.came
  from (select m.message_id, true as came, c.id as comment_id
          from comments c
          join incoming_messages i on i.company_id = sqlc.arg('company_id') and i.comment_id = c.id
               and i.channel_id = sqlc.arg('channel_id')
          join mail_messages m on m.company_id = sqlc.arg('company_id') and m.channel_id = sqlc.arg('channel_id')
               and m.name = i.message_id
         where c.company_id = sqlc.arg('company_id') and c.ticket_id = sqlc.arg('ticket_id') and m.message_id is not null
        union all
        select substr(n.name, 9), false, d.comment_id
          from deliveries d
          join delivery_names n on n.company_id = sqlc.arg('company_id') and n.delivery_id = d.id
         where d.company_id = sqlc.arg('company_id') and d.ticket_id = sqlc.arg('ticket_id')
           and d.channel_id = sqlc.arg('channel_id') and d.kind = 'message' and n.name like 'message:%') t
 where t.comment_id < sqlc.arg('before_comment_id')
 order by t.comment_id, t.came desc;

-- name: picture :one
select p.key from mail_pictures p where p.company_id = sqlc.arg('company_id') and p.hash = sqlc.arg('hash');

-- name: keep_picture :one
-- The key under which the picture is kept: another may have been first.
insert into mail_pictures (company_id, hash, key) values (sqlc.arg('company_id'), sqlc.arg('hash'), sqlc.arg('key'))
on conflict (company_id, hash) do update set hash = excluded.hash
returning key;

-- name: take_turn :one
-- One more of `turns` in `per`.
select t.allowed from take_turn(sqlc.arg('key'), sqlc.arg('turns'), sqlc.arg('per')::interval) as t;
