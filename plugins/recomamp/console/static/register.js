// Registering rows and changing them, as the analyst who owns the instance would write them.

import { useData } from "./api.js";
import { FormField } from "./form.js";
import { Chakra, html, useNavigate, useSearchParams, useState } from "./host.js";
import { DefinitionForm, useWorkflows } from "./register_definition.js";
import { Answers, WorkflowForm } from "./register_workflow.js";
import { useZone } from "./time.js";
import { Content, DataTable, Failure, Notice, Panel, ROOT, RouteLink, timeIn } from "./widgets.js";

const { Flex, Grid, Heading, Input, Text } = Chakra;

const KINDS = {
  workflow: "A query with its parameters, on one instance.",
  schedule: "A workflow that runs by a cron expression.",
  collection: "A workflow that runs once for each week of a range.",
};
const PAGES = { schedule: "schedules", collection: "collections" };

export function Register() {
  const zone = useZone();
  const [typed, setTyped] = useState("");
  const request = useWorkflows(typed);
  return html`<${Grid} gap="4">
    <${Grid} gap="4" templateColumns=${{ base: "1fr", md: "repeat(3, 1fr)" }}>
      ${Object.entries(KINDS).map(([kind, words]) => html`<${Panel} key=${kind} title="New ${kind}">
        <${Text} mb="2">${words}<//><${RouteLink} to="${ROOT}/register/${kind}">Register a ${kind}<//>
      <//>`)}
    <//>
    <${Panel} title="Workflows">
      <${FormField} label="Find a workflow by its name" maxW="24rem" mb="3"><${Input} size="sm" value=${typed} onChange=${(event) => setTyped(event.target.value)} /><//>
      <${Content} request=${request}>${(rows) => html`<${DataTable} label="Workflows" rows=${rows} limit=${50} keyOf=${(row) => row.id} empty="No workflow has this text in its name."
        columns=${[
          { title: "Workflow", cell: (row) => html`<${RouteLink} to="${ROOT}/register/workflow/${row.id}">${row.name}<//>` },
          { title: "Instance", cell: (row) => row.instance_name },
          { title: "Owner", cell: (row) => row.owner },
          { title: "Changed", cell: (row) => timeIn(row.updated_at, zone) },
          { title: "Run it", cell: (row) => html`<${RouteLink} to="${ROOT}/register/schedule?workflow=${row.id}">by a schedule<//>, <${RouteLink} to="${ROOT}/register/collection?workflow=${row.id}">by weeks<//>` },
        ]} />`}<//>
    <//>
  <//>`;
}

const SaveNotice = ({ kind, id }) => html`
  <${Notice} status="success" role="status" title="Saved">
    ${kind === "workflow"
      ? html`Register <${RouteLink} to="${ROOT}/register/schedule?workflow=${id}">a schedule<//> or <${RouteLink} to="${ROOT}/register/collection?workflow=${id}">a collection<//> of it. DAGs made of it change within seconds.`
      : html`See <${RouteLink} to="${ROOT}/${PAGES[kind]}/${id}">the ${kind}<//>. Its DAG <${RouteLink} to="/dags/amc_${kind}_${id}">amc_${kind}_${id}<//> appears within seconds.`}
  <//>`;

export function RegisterForm({ kind, id }) {
  const [query] = useSearchParams();
  const navigate = useNavigate();
  const all = useData("register/instances", { every: 0 });
  // The version of each save is another form, which begins with the row as it is stored
  const stored = useData(id ? `register/${kind}/${id}?after=${query.get("saved") ?? ""}` : null, { every: 0 });
  const canMove = Boolean(all.data); // who may not change every DAG gets 403, and may change this row
  const onSaved = (row) => navigate(`${ROOT}/register/${kind}/${row.id}?saved=${Date.now()}`);
  const saved = query.get("saved");
  const form = (row) => {
    const own = row && { id: row.instance_id, name: row.instance_name, amc_instance_id: row.amc_instance_id, owner: row.owner ?? row.workflow?.owner };
    const others = (all.data ?? []).filter((one) => one.id !== own?.id); // a list of 500 may lack its own
    const properties = { key: row?.version ?? kind, id, stored: row, onSaved, instances: own ? [own, ...others] : others };
    return kind === "workflow"
      ? html`<${WorkflowForm} ...${properties} />`
      : html`<${DefinitionForm} ...${properties} kind=${kind} canMove=${canMove} chosen=${query.get("workflow")} />`;
  };
  return html`<${Flex} direction="column" gap="4" maxW="72rem">
    <${Heading} as="h2" size="md">${id ? `Change a ${kind}` : `New ${kind}`}<//>
    ${saved && id && html`<${SaveNotice} kind=${kind} id=${id} />`}
    ${id && all.error && all.error.status !== 403 && html`<${Failure} error=${all.error} reload=${all.reload} />`}
    ${id && kind === "workflow" && stored.data && html`<${Answers} id=${id} />`}
    ${id ? !all.loading && html`<${Content} request=${stored}>${form}<//>` : html`<${Content} request=${all}>${() => form(null)}<//>`}
  <//>`;
}
