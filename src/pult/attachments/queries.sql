-- name: find_file :one
-- What a download needs to know of a file.
select f.name, f.type, f.size, f.key from files f where f.company_id = sqlc.arg('company_id') and f.id = sqlc.arg('file_id');

-- name: keys_with_rows :many
-- Which of the file store's keys belong to a file, a raw message or a picture in one; the rest were left over by something
-- that never committed.
select f.key from files f where f.company_id = sqlc.arg('company_id') and f.key = any(sqlc.arg('keys')::text[])
union all
select m.key from mail_messages m where m.company_id = sqlc.arg('company_id') and m.key = any(sqlc.arg('keys')::text[])
union all
select p.key from mail_pictures p where p.company_id = sqlc.arg('company_id') and p.key = any(sqlc.arg('keys')::text[]);

-- name: signing_secret :one
-- What signs the links of this installation's files.
select secret from installations;
