-- Additional fields and their options: what configures them. Their values: pult.tickets.

-- name: fields_of :many
-- All fields of a company, those that are out of use too; of a nested list each level is one.
-- row: FieldRow
select id, key, name, kind, parent_field_id, position, add_tag, active
  from fields where company_id = sqlc.arg('company_id') order by id;

-- name: insert_field :value
insert into fields (company_id, key, name, kind, parent_field_id, position, add_tag)
values (sqlc.arg('company_id'), sqlc.narg('key'), sqlc.arg('name'), sqlc.arg('kind'), sqlc.narg('parent_field_id'),
        sqlc.arg('position'), sqlc.arg('add_tag'))
returning id;

-- name: update_field :exec
-- A field's kind and its place under another stay what they were made with.
update fields
   set key = sqlc.narg('key'), name = sqlc.arg('name'), position = sqlc.arg('position'), add_tag = sqlc.arg('add_tag'),
       active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: options_of :many
-- All options of a company's fields, those that are out of use too.
-- row: OptionRow
select id, field_id, parent_option_id, value, position, active
  from field_options where company_id = sqlc.arg('company_id') order by id;

-- name: insert_option :value
insert into field_options (company_id, field_id, parent_option_id, value, position)
values (sqlc.arg('company_id'), sqlc.arg('field_id'), sqlc.narg('parent_option_id'), sqlc.arg('value'), sqlc.arg('position'))
returning id;

-- name: update_option :exec
update field_options set position = sqlc.arg('position'), active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');
