// What an integration written with axios does: a ticket by JSON, one by multipart with a file, reading by GET with a body.
// Arguments: base address, token. Prints one line of JSON with the answers.
"use strict";

const axios = require("axios");
const FormData = require("form-data");

async function main(base, token) {
  const api = axios.create({ baseURL: base });
  const json = await api.post("create/ticket", { api_token: token, subject: "axios", message: "JSON", tag: "axios" });
  const form = new FormData();
  form.append("api_token", token);
  form.append("subject", "axios");
  form.append("message", "multipart");
  form.append("files[]", Buffer.from("bytes of axios"), { filename: "Отчёт.txt", contentType: "text/plain" });
  const multipart = await api.post("create/ticket", form, { headers: form.getHeaders() });
  const params = { api_token: token, ticket_id: multipart.data.ticket_id };
  const shown = await api.get("ticket", { params, data: {} });
  const link = shown.data.comments[0].files[0].file;
  const file = await axios.get(link, { responseType: "text" });
  const listed = await api.get("tickets", { params: { api_token: token, fstatus: "8,1" }, data: {} });
  const form2 = new URLSearchParams({ api_token: token, ticket_id: String(json.data.ticket_id), status: "2" });
  const updated = await api.post("update/ticket", form2);
  const refused = await api.post("ticket", { api_token: token, ticket_id: undefined });
  const unknown = await api.get("nothing", { validateStatus: () => true });
  console.log(
    JSON.stringify({
      json: json.data,
      multipart: multipart.data,
      shown: shown.data,
      file: file.data,
      listed: listed.data.map((ticket) => ticket.id),
      updated: updated.data,
      refused: refused.data,
      unknown: [unknown.status, unknown.data.code],
    }),
  );
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
