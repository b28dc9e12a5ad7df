"use strict";
// Requests to the server: one at a time, with the token if it is required.
{
  const KEPT = "gluonattn token"; // only in this tab
  let token = sessionStorage.getItem(KEPT);

  class Refused extends Error {
    constructor(status, reason, after) {
      super(reason);
      Object.assign(this, { status, after });
    }
  }

  // A server reads no half characters: one would make it refuse all texts of a request.
  const whole = (_, value) => (typeof value === "string" ? gluonattn.wholeCharacters(value) : value);

  // The answer to a request. Throws Refused with the server's reason, or with status 0 if there is no server.
  async function request(path, body, signal) {
    const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
    let response;
    try {
      response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body, whole), signal, cache: "no-store", redirect: "error" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "");
    }
    if (response.ok) return response;
    const said = await response.json().catch(() => ({}));
    throw new Refused(response.status, said.error ?? `HTTP ${response.status}`, Number(response.headers.get("retry-after")) || 0);
  }
  // The server answers at once and whole. A model in the browser has a fourth argument, for what it knows early.
  const askServer = async (path, body, signal) => (await request(path, body, signal)).json();

  function useToken(given) {
    token = given;
    sessionStorage.setItem(KEPT, given);
  }

  Object.assign(gluonattn, { request, askServer, useToken });
}
