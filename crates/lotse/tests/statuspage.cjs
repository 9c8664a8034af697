// Reads a page with the client `statuspage.io`, and looks whether every field that the types of the client
// promise is there. Asked with the page's address; answers in JSON.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { Statuspage } = require("statuspage.io");

const asked = JSON.parse(process.argv[2]);

// The fields of the interfaces, with the words of their types.
function interfaces() {
  const main = require.resolve("statuspage.io");
  const text = fs.readFileSync(path.join(path.dirname(main), "interfaces", "Result.d.ts"), "utf8");
  const found = {};
  for (const [, name, body] of text.matchAll(/interface (\w+)(?: extends \w+)? \{\n([^}]*)\n\}/g)) {
    found[name] = [...body.matchAll(/^ {4}(\w+): (.*);$/gm)].map(([, field, type]) => ({ field, type }));
  }
  for (const [, name, body] of text.matchAll(/enum (\w+) \{\n([^}]*)\n\}/g)) {
    found[name] = [...body.matchAll(/"(\w+)"/g)].map(([, word]) => word);
  }
  return found;
}

const known = interfaces();
const problems = [];

function is(type, value) {
  if (value === null) return type.includes("null");
  if (type.startsWith("string")) return typeof value === "string";
  if (type === "number") return Number.isInteger(value);
  if (type === "boolean") return typeof value === "boolean";
  return true;
}

// Whether a document is what the interface of this name says.
function check(where, name, document) {
  for (const { field, type } of known[name]) {
    const value = document[field];
    if (value === undefined) problems.push(`${where}.${field} is missing`);
    else if (!is(type, value)) problems.push(`${where}.${field} is no ${type}: ${value}`);
  }
}

function word(where, name, value) {
  if (!known[name].includes(value)) problems.push(`${where}: ${value} is no ${name}`);
}

function incident(where, one) {
  check(where, "Incident", one);
  word(`${where}.impact`, "IncidentImpact", one.impact);
  for (const update of one.incident_updates) check(`${where}.update`, "IncidentUpdate", update);
}

async function main() {
  const client = new Statuspage("lotse");
  client.setApiUrl(asked.base);
  const { api } = client;
  const found = {
    status: await api.getStatus(),
    summary: await api.getSummary(),
    components: await api.getComponents(),
    incidents: await api.incidents.getAll(),
    unresolved: await api.incidents.getUnresolved(),
    maintenances: await api.scheduledMaintenances.getAll(),
    upcoming: await api.scheduledMaintenances.getUpcoming(),
  };
  for (const [name, document] of Object.entries(found)) {
    for (const one of document.components ?? []) check(`${name}.component`, "Component", one);
    for (const one of document.incidents ?? []) {
      incident(`${name}.incident`, one);
      word(`${name}.incident.status`, "IncidentStatus", one.status);
    }
    for (const one of document.scheduled_maintenances ?? []) {
      check(`${name}.maintenance`, "Incident", one);
      word(`${name}.maintenance.status`, "MaintenanceStatus", one.status);
    }
    for (const field of ["id", "name", "time_zone", "updated_at", "url"]) {
      if (typeof document.page[field] !== "string") problems.push(`${name}.page.${field}`);
    }
  }
  process.stdout.write(JSON.stringify({ found, problems: [...new Set(problems)] }));
}

main().catch((error) => {
  process.stderr.write(String(error && error.stack ? error.stack : error));
  process.exit(1);
});
