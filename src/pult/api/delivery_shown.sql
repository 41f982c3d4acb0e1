json_build_object(
    'id', d.id, 'kind', d.kind, 'event', d.event, 'state', d.state, 'channel_id', d.channel_id,
    'ticket_id', d.ticket_id, 'comment_id', d.comment_id, 'event_id', d.event_id, 'sequence', d.sequence,
    'attempts', d.attempts, 'resend_of', d.resend_of, 'error_code', d.error_code, 'error_text', d.error_text,
    'created_at', to_char(d.made_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    'next_attempt_at', case when d.state = 'queued' then to_char(d.due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') end,
    'sent_at', to_char(d.sent_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    'delivered_at', to_char(d.delivered_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    'read_at', to_char(d.read_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    'ended_at', to_char(d.ended_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
