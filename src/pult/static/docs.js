// Shows /openapi.json with Swagger UI. Light or dark follows the reader's system, also while the page is open.
(async () => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  const place = document.getElementById("document");
  let spec;
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    spec = await answer.json();
  } catch (error) {
    place.textContent = `/openapi.json cannot be read: ${error.message}`;
    return;
  }
  // Calls go where this page came from: under another name of the same desk the browser would refuse to send them.
  spec.servers = [{ url: window.location.origin }];
  for (const path of Object.values(spec.paths)) for (const operation of Object.values(path)) emptyForms(operation);
  window.SwaggerUIBundle({
    spec,
    domNode: place,
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: withoutBlanks,
  });

  // Swagger UI fills a form with invented values and sends them all: only what is required should be filled in. The
  // token is left out of forms because an empty one there would count more than the one given under "Authorize".
  function emptyForms(operation) {
    for (const parameter of operation.parameters ?? []) {
      if (!parameter.content) continue;
      parameter.schema = { type: "string" };
      delete parameter.content;
    }
    for (const [type, { schema }] of Object.entries(operation.requestBody?.content ?? {})) {
      if (type === "application/json") continue;
      delete schema.properties.api_token;
      for (const property of Object.values(schema.properties)) {
        property.example = property.examples?.[0] ?? (property.type === "array" ? [] : "");
        if (property.contentSchema) delete property.contentMediaType; // or it would ask for a file
      }
    }
  }

  // Blank is the same as not given: the command line that is shown need not repeat the whole form.
  function withoutBlanks(request) {
    const { body } = request;
    if (body instanceof FormData) {
      for (const name of new Set(body.keys())) if (body.getAll(name).every((value) => value === "")) body.delete(name);
    } else if (typeof body === "string" && request.headers["Content-Type"] === "application/x-www-form-urlencoded") {
      request.body = body.split("&").filter((pair) => !pair.endsWith("=")).join("&");
    }
    return request;
  }
})();
