-- Groups, agents with their groups and rights, channels with their tokens: what configures a company's staff.

-- name: groups_of :many
-- All groups of a company, those that are out of use too.
-- row: GroupRow
select id, key, name, active from groups where company_id = sqlc.arg('company_id') order by id;

-- name: insert_group :value
insert into groups (company_id, key, name) values (sqlc.arg('company_id'), sqlc.narg('key'), sqlc.arg('name')) returning id;

-- name: update_group :exec
update groups set key = sqlc.narg('key'), name = sqlc.arg('name'), active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: agents_of :many
-- All agents of a company, those that are out of use too. `invited`: a one-time link is out that still works.
-- row: AgentRow
select id, key, name, email, role, default_group_id, restricted, active, password_hash,
       coalesce(invite_hash is not null and invite_expires_at > now(), false) as invited
  from agents where company_id = sqlc.arg('company_id') order by id;

-- name: insert_agent :value
insert into agents (company_id, key, name, email, role, default_group_id, restricted)
values (sqlc.arg('company_id'), sqlc.narg('key'), sqlc.arg('name'), sqlc.arg('email'), sqlc.arg('role'),
        sqlc.narg('default_group_id'), sqlc.arg('restricted'))
returning id;

-- name: update_agent :exec
update agents
   set key = sqlc.narg('key'), name = sqlc.arg('name'), email = sqlc.arg('email'), role = sqlc.arg('role'),
       default_group_id = sqlc.narg('default_group_id'), restricted = sqlc.arg('restricted'), active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: park_email :exec
-- Sets an address free that another agent is about to take; no address of a person has this form.
update agents set email = '@' || id
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: set_password :exec
-- A password ends the one-time link.
update agents set password_hash = sqlc.arg('password_hash'), invite_hash = null, invite_expires_at = null
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: set_invite :exec
update agents set invite_hash = sqlc.arg('invite_hash'), invite_expires_at = now() + sqlc.arg('lasting')::interval
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: memberships_of :many
-- row: MembershipRow
select agent_id, group_id from group_members where company_id = sqlc.arg('company_id') order by agent_id, group_id;

-- name: join_groups :exec
insert into group_members (company_id, agent_id, group_id)
select sqlc.arg('company_id')::integer, sqlc.arg('agent_id')::integer, unnest(sqlc.arg('group_ids')::integer[]);

-- name: leave_groups :exec
delete from group_members
 where company_id = sqlc.arg('company_id') and agent_id = sqlc.arg('agent_id')
   and group_id = any(sqlc.arg('group_ids')::integer[]);

-- name: rights_of :many
-- row: RightRow
select agent_id, channel_id, access from agent_channels where company_id = sqlc.arg('company_id') order by agent_id, channel_id;

-- name: put_right :exec
insert into agent_channels (company_id, agent_id, channel_id, access)
values (sqlc.arg('company_id'), sqlc.arg('agent_id'), sqlc.arg('channel_id'), sqlc.arg('access'))
on conflict (company_id, agent_id, channel_id) do update set access = excluded.access;

-- name: remove_rights :exec
delete from agent_channels
 where company_id = sqlc.arg('company_id') and agent_id = sqlc.arg('agent_id')
   and channel_id = any(sqlc.arg('channel_ids')::integer[]);

-- name: channels_of :many
-- All channels of a company, those that are out of use too.
-- row: ChannelRow
select id, key, type, name, group_id, email, application_id, settings, active
  from channels where company_id = sqlc.arg('company_id') order by id;

-- name: insert_channel :value
insert into channels (company_id, key, type, name, group_id, email, application_id, settings)
values (sqlc.arg('company_id'), sqlc.narg('key'), sqlc.arg('type'), sqlc.arg('name'), sqlc.narg('group_id'),
        sqlc.narg('email'), sqlc.arg('application_id'), sqlc.arg('settings')::jsonb)
returning id;

-- name: update_channel :exec
-- Type and application id stay what they were made with.
update channels
   set key = sqlc.narg('key'), name = sqlc.arg('name'), group_id = sqlc.narg('group_id'), email = sqlc.narg('email'),
       settings = sqlc.arg('settings')::jsonb, active = sqlc.arg('active')
 where company_id = sqlc.arg('company_id') and id = sqlc.arg('id');

-- name: channels_with_token :many
-- The channels of a company that have any token.
select distinct channel_id from api_tokens where company_id = sqlc.arg('company_id');

-- name: token_owner :one
-- Whose token this is, in the whole installation.
-- row: TokenRow
select company_id, channel_id from api_tokens where hash = sqlc.arg('hash');

-- name: insert_token :execrows
insert into api_tokens (hash, company_id, channel_id)
values (sqlc.arg('hash'), sqlc.arg('company_id'), sqlc.arg('channel_id'))
on conflict (hash) do nothing;

-- name: delete_tokens :exec
delete from api_tokens where company_id = sqlc.arg('company_id') and channel_id = sqlc.arg('channel_id');

-- name: active_channels :many
-- The channels of all companies that are in use, with their settings as JSON text.
select h.name, h.type, h.settings from channels h where h.active order by h.company_id, h.id;
