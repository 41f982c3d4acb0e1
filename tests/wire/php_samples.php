<?php
// The PHP samples of the seeds, pointed at an address of one's own: the arrays and the options of curl are theirs.
// Arguments: base address, token, JSON of ids, path of a file. Prints one line of JSON with the answers.
[, $base, $token, $ids, $path] = $argv;
$ids = json_decode($ids, true);

function send($url, $data)
{
    $mch_api = curl_init(); // initialize cURL connection
    curl_setopt($mch_api, CURLOPT_URL, $url);
    curl_setopt($mch_api, CURLOPT_USERAGENT, 'PHP-MCAPI/2.0');
    curl_setopt($mch_api, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($mch_api, CURLOPT_CUSTOMREQUEST, 'POST');
    curl_setopt($mch_api, CURLOPT_TIMEOUT, 10);
    curl_setopt($mch_api, CURLOPT_POST, true);
    curl_setopt($mch_api, CURLOPT_SSL_VERIFYPEER, false);
    curl_setopt($mch_api, CURLOPT_POSTFIELDS, $data);
    $result = curl_exec($mch_api);
    return json_decode($result, true);
}

$create = send($base . 'create/ticket', array(
    'api_token' => $token,
    'client_name' => "JON",
    'client_email' => "jon@bonjovi.com",
    'message' => "Hello World",
    'subject' => 'First msg',
    'client_id' => 'new_client',
    'type' => 'question',
    'priority' => 'low',
    'status' => '3',
    'subject' => 'POST UPDATE',
    'tag' => 'new ticket,test',
    'field_id' => $ids['field_id'],
    'field_value' => $ids['field_value'],
    'channel_id' => $ids['channel_id']
));

$curl = curl_init();
curl_setopt_array($curl, array(
    CURLOPT_URL => $base . 'create/ticket',
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_ENCODING => '',
    CURLOPT_MAXREDIRS => 10,
    CURLOPT_TIMEOUT => 0,
    CURLOPT_FOLLOWLOCATION => true,
    CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
    CURLOPT_CUSTOMREQUEST => 'POST',
    CURLOPT_POSTFIELDS => array('files[]' => new CURLFILE($path), 'api_token' => $token, 'message' => 'Julia', 'subject' => 'There is some attachments'),
    CURLOPT_HTTPHEADER => array(
        'Content-Type: multipart/form-data',
        'Cookie: laravel_session=8dIFarAWQMZlGKACtWX2A1KIQ5rlysgpCh9aMJmZ'
    ),
));
$with_file = json_decode(curl_exec($curl), true);

$update = send($base . 'update/ticket', array(
    'api_token' => $token,
    'client' => "JON",
    'email' => "jon@bonjovi.com",
    'message' => "Hello World",
    'subject' => 'First msg',
    'client_id' => 'new_client',
    'ticket_id' => (string) $create['ticket_id'],
    'priority' => 'medium',
    'type' => 'task',
    'status' => '2',
    'subject' => 'POST UPDATE',
    'field_id' => $ids['field_id'],
    'field_value' => $ids['field_value']
));

$ticket = send($base . 'ticket', array(
    'api_token' => $token,
    'accessible_for_agent_id' => $ids['agent_id'],
    'ticket_id' => (string) $create['ticket_id'],
));
$filed = send($base . 'ticket', array('api_token' => $token, 'ticket_id' => (string) $with_file['ticket_id']));
$dates = send($base . 'tickets', array(
    'api_token' => $token,
    'offset' => 0,
    'created_after' => '2016-11-25 00:00',
    'created_before' => '2016-11-25 15:08',
));
$tags = send($base . 'tickets', array(
    'api_token' => $token,
    'offset' => 0,
    'tags' => 'test,tag2',
    'fchannel' => $ids['channel_id'],
));
// Habits beside the samples: nested arrays by http_build_query, true and null in an array.
$nested = send($base . 'tickets', http_build_query(array(
    'api_token' => $token,
    'fassigned' => array(array('assignee_id' => 'unassigned', 'group_id' => 'unassigned')),
)));
$private = send($base . 'create/ticket', array(
    'api_token' => $token, 'subject' => 's', 'message' => 'm', 'private_comment' => true, 'status' => null, 'tag' => false,
));
$download = base64_encode(file_get_contents($filed['comments'][0]['files'][0]['file']));

echo json_encode(compact('create', 'with_file', 'update', 'ticket', 'filed', 'dates', 'tags', 'nested', 'private', 'download'));
