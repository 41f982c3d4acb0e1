-- What surrounds the load: where to begin, what to take away and put back, what to say at the end.

-- step: company
select id from companies where key = $1

-- step: one at a time
select pg_advisory_xact_lock(hashtext('pult demo'))

-- step: busy
select exists(select 1 from tickets where company_id = $1)

-- step: empty
-- Whether no company has anything in the big tables, so that they may be emptied and filled without indexes.
select not (exists(select 1 from tickets) or exists(select 1 from comments) or exists(select 1 from changes)
            or exists(select 1 from search_documents))

-- step: clear
truncate tickets, comments, changes, ticket_tags, ticket_fields, search_documents

-- step: changed
update companies set config_version = config_version + 1 where id = $1

-- step: with files
-- $1 first comment, $2 how many comments there are, $3 how many have a file
select n::integer as place, $1::bigint + (n - 1) * greatest($2::bigint / $3::bigint, 1) as comment_id
  from generate_series(1, least($2::bigint, $3::bigint)) n

-- step: file
insert into files (company_id, comment_id, name, type, size, key) values ($1, $2, $3, $4, $5, $6)

-- step: reserve
-- $1 table, $2 how many ids: the first of a run of ids that nobody else will be given.
select setval(pg_get_serial_sequence($1, 'id'), next.value + $2::bigint - 1) - $2::bigint + 1
  from (select nextval(pg_get_serial_sequence($1, 'id')) as value) next

-- step: definitions
-- $1 tables
select name, is_foreign, drop_it, create_it
  from (select c.conname as name, c.contype = 'f' as is_foreign,
               format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as drop_it,
               format('alter table %s add constraint %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) as create_it
          from pg_constraint c
         where c.contype in ('p', 'u', 'f')
           and (c.conrelid = any ($1::regclass[]) or (c.contype = 'f' and c.confrelid = any ($1::regclass[])))
        union all
        select x.indexrelid::regclass::text, false, format('drop index %s', x.indexrelid::regclass), pg_get_indexdef(x.indexrelid)
          from pg_index x
         where x.indrelid = any ($1::regclass[])
           and not exists (select 1 from pg_constraint c where c.conindid = x.indexrelid and c.contype in ('p', 'u', 'x'))) d
 order by is_foreign, name

-- step: sizes
-- $1 tables: bytes of each with everything that belongs to it.
select t::regclass::text as name, pg_total_relation_size(t) as bytes from unnest($1::regclass[]) t

-- step: least visible
-- $1 tables: of the one with the smallest, the share of pages that are visible to all
select min(relallvisible::float8 / relpages) from pg_class where oid = any($1::text[]::regclass[]) and relpages > 10
