// One execution: when it did what, what AMC said, the query as sent, and its result.

import { useData, useSend } from "./api.js";
import { executionPage, Requests } from "./definitions.js";
import { Chakra, html, useEffect } from "./host.js";
import { useQuery } from "./query.js";
import { Results } from "./results.js";
import { Timeline } from "./timeline.js";
import { duration, time, useZone, windowOf } from "./time.js";
import { Versions } from "./versions.js";
import { Content, count, DataTable, Empty, Failure, Notice, Panel, ROOT, RouteLink, State, TablePanel, Tabs, timeIn } from "./widgets.js";

const { Box, Button, Code, Flex, Grid, Heading, Text } = Chakra;

const ACTIONS = {
  RETRY: ["Retry", "Run the query at AMC again?"],
  LOAD: ["Load again", "Load the results of this execution again? AMC runs nothing."],
  CANCEL: ["Cancel", "End the run? AMC is asked to stop."],
};

const isUnderWay = ({ status }) => status === "PENDING" || status === "ACCEPTED";

// Seconds until the page reads again: soon while something is to change
export const pauseAfter = (data) =>
  data === null || data.phases.at(-1)?.end === null || data.requests.some(isUnderWay) ? 10 : 60;

// Pairs of a name and a value; those without a value are left out
const Facts = ({ facts }) => html`
  <${Grid} as="dl" templateColumns=${{ base: "1fr", sm: "max-content minmax(0, 1fr)" }} columnGap="4" rowGap="1" fontSize="sm">
    ${facts.filter(([, value]) => value || value === 0).map(([name, value]) => [
      html`<${Text} as="dt" key="${name}-name" color="fg.muted">${name}<//>`,
      html`<${Text} as="dd" key=${name} overflowWrap="anywhere">${value}<//>`,
    ])}
  <//>`;

const Words = ({ children, label }) => html`<${Box} as="pre" tabIndex="0" role="region" aria-label=${label}
  fontFamily="mono" fontSize="xs" whiteSpace="pre-wrap" overflowWrap="anywhere" overflowY="auto" maxH="96" p="3" bg="bg.subtle" borderRadius="md">${children}<//>`;

function Actions({ id, actions, requests, reload }) {
  const { busy, error, run } = useSend(reload);
  const isOpen = requests.some(isUnderWay);
  const ask = (action) => globalThis.confirm(ACTIONS[action][1]) && run("POST", `executions/${id}/requests`, { action });
  return html`<${Flex} gap="2" wrap="wrap" align="center">
    ${actions.map((action) => html`<${Button} key=${action} size="sm" variant="outline" loading=${busy} disabled=${isOpen} onClick=${() => ask(action)}>${ACTIONS[action][0]}<//>`)}
    ${isOpen && html`<${Text} fontSize="sm" color="fg.muted" role="status">A request is under way.<//>`}
    ${error && html`<${Failure} error=${error} />`}
  <//>`;
}

const Attempts = ({ rows, current, zone }) => html`<${TablePanel} title="Attempts of this run" label="Attempts" rows=${rows} keyOf=${(row) => row.id} columns=${[
  { title: "Attempt", cell: (row) => (row.id === current ? `${row.attempt} (this)` : html`<${RouteLink} to=${executionPage(row.id)}>${row.attempt}<//>`) },
  { title: "State", cell: (row) => html`<${State} of=${row.status} />` },
  { title: "Created", cell: (row) => timeIn(row.created_at, zone) },
  { title: "Ended", cell: (row) => timeIn(row.completed_at, zone) },
  { title: "Retries", numeric: true, cell: (row) => row.retry_count },
  { title: "Error", cell: (row) => [row.error_type, row.error_message].filter(Boolean).join(": ") },
]} />`;

const FailedCalls = ({ rows, zone }) => html`<${TablePanel} title="Failed calls of Amazon" rows=${rows} empty="Every call of Amazon succeeded." columns=${[
  { title: "At", cell: (row) => timeIn(row.at, zone, { seconds: true }) },
  { title: "Operation", cell: (row) => row.operation },
  { title: "HTTP", cell: (row) => [row.status, row.code].filter(Boolean).join(" ") || "no answer" },
  { title: "Message", cell: (row) => row.message },
  { title: "Request id", cell: (row) => row.request_id ?? "" },
]} />`;

const Checks = ({ rows }) => html`<${TablePanel} title="Conditions on the result" rows=${rows} columns=${[
  { title: "Condition", cell: (row) => row.name },
  { title: "Met", cell: (row) => (row.passed === null ? "not evaluated" : row.passed ? "yes" : `no (${row.severity})`) },
  { title: "Outcome", cell: (row) => row.note },
  { title: "Measure", cell: (row) => row.measured },
  { title: "Value", numeric: true, cell: (row) => row.value },
  { title: "Compared with", numeric: true, cell: (row) => row.reference_value },
]} />`;

const privacy = (row) => {
  if (row.hidden_rows === null && row.blanked_rows === null) return null;
  const reasons = Object.entries(row.hidden_reasons ?? {}).map(([reason, rows]) => `${reason}: ${count(rows)}`);
  return `${count(row.hidden_rows ?? 0)} rows hidden, ${count(row.blanked_rows ?? 0)} with removed values${reasons.length ? ` (${reasons.join("; ")})` : ""}`;
};

const Run = ({ data, zone }) => {
  const row = data.execution;
  return html`<${Grid} gap="4">
    <${Panel} title="Timeline"><${Timeline} phases=${data.phases} last=${data.last_moment} zone=${zone} /><//>
    <${Grid} gap="4" templateColumns=${{ base: "minmax(0, 1fr)", lg: "repeat(2, minmax(0, 1fr))" }}>
      <${Panel} title="Run"><${Facts} facts=${[
        ["Window", windowOf(row)],
        ["Time zone of the window", row.window_time_zone],
        ["Due", row.due_at && timeIn(row.due_at, zone)],
        ["Attempt", row.attempt],
        ["Retries", row.retry_count],
        ["Next try", row.next_retry_at && timeIn(row.next_retry_at, zone)],
        ["Given up at", data.phases.at(-1)?.end === null && row.deadline_at && timeIn(row.deadline_at, zone)],
        ["Recorded as", row.recorded_as && html`<${State} of=${row.recorded_as} />`],
        ["Rows", row.result_rows === null ? null : count(row.result_rows)],
        ["Privacy", privacy(row)],
        ["Owner", row.owner],
      ]} /><//>
      <${Panel} title="AMC"><${Facts} facts=${[
        ["Status at AMC", row.amc_status],
        ["Duration", row.execution_duration === null ? null : duration(row.execution_duration)],
        ["Execution id", row.amc_execution_id],
        ["Workflow id", row.amc_workflow_id],
        ["Instance", row.amc_instance_id ?? row.instance],
        ["Amazon's request id", row.amazon_request_id],
      ]} /><//>
    <//>
    ${data.checks?.length > 0 && html`<${Checks} rows=${data.checks} />`}
    <${Attempts} rows=${data.attempts} current=${row.id} zone=${zone} />
    <${FailedCalls} rows=${data.failed_calls} zone=${zone} />
  <//>`;
};

const Query = ({ query }) => html`<${Panel} title="Query as sent to AMC">
  <${Words} label="SQL">${query.submitted_sql ?? "AMC has got no query yet."}<//>
  <${Heading} as="h3" size="sm" mt="4" mb="2">Parameters<//>
  <${DataTable} label="Parameters" empty="The query has no parameters." keyOf=${([name]) => name} rows=${Object.entries(query.parameters ?? {})} columns=${[
    { title: "Name", cell: ([name]) => html`<${Code}>${name}<//>` },
    { title: "Declared as", cell: ([name]) => declared(query.input_parameters, name) },
    { title: "Value", cell: ([, value]) => (typeof value === "string" ? value : JSON.stringify(value)) },
  ]} />
  ${Object.keys(query.amc_options ?? {}).length > 0 && html`<${Heading} as="h3" size="sm" mt="4" mb="2">Options<//>
    <${Facts} facts=${Object.entries(query.amc_options).map(([name, value]) => [name, String(value)])} />`}
<//>`;

function declared(declarations, name) {
  const { name: _, ...rest } = (Array.isArray(declarations) ? declarations : []).find((one) => one.name === name) ?? {};
  return Object.entries(rest).map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}

const definitionOf = (row) =>
  (row.schedule_id && `${ROOT}/schedules/${row.schedule_id}`) || (row.collection_id && `${ROOT}/collections/${row.collection_id}`);

const TABS = [
  ["run", "Run", () => true],
  ["query", "Query", ({ query }) => query !== null],
  ["results", "Results", ({ has_results, may_read_results }) => has_results && may_read_results],
  ["versions", "Versions", ({ has_results, may_read_results }) => has_results && may_read_results],
];

// `onRetry` is called when the run has a later attempt
export function Execution({ id, onRetry }) {
  const zone = useZone();
  const query = useQuery();
  const request = useData(`executions/${id}`, { every: pauseAfter });
  const latest = request.data?.attempts[0]?.id ?? id;
  useEffect(() => {
    if (latest !== id) onRetry?.();
  }, [latest]);
  return html`<${Content} request=${request}>${(data) => {
    const row = data.execution;
    const tabs = TABS.filter(([, , isShown]) => isShown(data));
    const [tab] = tabs.find(([name]) => name === query.get("tab")) ?? tabs[0];
    return html`<${Grid} gap="4">
      <${Flex} justify="space-between" align="center" gap="3" wrap="wrap">
        <${Flex} align="center" gap="3" wrap="wrap">
          <${State} of=${row.status} />
          <${Heading} as="h2" size="md">${row.name ?? row.workflow}<//>
          ${definitionOf(row) && html`<${RouteLink} to=${definitionOf(row)}>${row.schedule_id ? "Schedule" : "Collection"}<//>`}
          <${RouteLink} to="/dags/${row.dag_id}/runs/${encodeURIComponent(row.dag_run_id)}">Run in Airflow<//>
        <//>
        <${Actions} id=${id} actions=${data.actions} requests=${data.requests} reload=${request.reload} />
      <//>
      ${row.error_message && html`<${Notice} status=${row.status === "SUCCESS" ? "warning" : "error"} title=${row.error_type ?? "The last try failed"}>${row.error_message}<//>`}
      ${data.requests.length > 0 && html`<${Requests} rows=${data.requests} rowZone=${row.window_time_zone ?? "UTC"} zone=${zone} />`}
      <${Tabs} label="Parts of the execution" tabs=${tabs.map(([name, title]) => ({ title, to: { search: `?tab=${name}` }, isCurrent: name === tab }))} />
      ${tab === "run" && html`<${Run} data=${data} zone=${zone} />`}
      ${tab === "query" && html`<${Query} query=${data.query} />`}
      ${tab === "results" && html`<${Results} id=${id} zone=${zone} />`}
      ${tab === "versions" && html`<${Versions} id=${id} zone=${zone} />`}
      ${row.status === "SUCCESS" && !data.may_read_results && html`<${Empty}>Airflow does not let you read results of this DAG (GET on its XComs).<//>`}
    <//>`;
  }}<//>`;
}
