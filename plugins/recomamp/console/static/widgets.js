// Parts that several pages share: panels, states, tables, and what stands where data are missing.

import { Chakra, html, Link } from "./host.js";

const { Alert, Badge, Box, Button, Flex, Heading, Spinner, Table, Text } = Chakra;

export const ROOT = "/plugin/amc";

// Airflow's own colours of states, so that a colour means the same on every page
export const STATE_COLOURS = {
  SUCCESS: "success", FAILED: "failed", TIMEOUT: "failed", RUNNING: "running", PENDING: "queued",
  CANCELLED: "removed", SKIPPED: "skipped", COMPLETED: "success", ACTIVE: "running", PAUSED: "skipped",
  HEALTHY: "success", UNHEALTHY: "up_for_retry", ERROR: "failed", UNKNOWN: "removed",
  DONE: "success", ACCEPTED: "running", REFUSED: "failed",
};
export const colourOf = (state) => `var(--chakra-colors-${STATE_COLOURS[state] ?? "removed"}-solid)`;

export const State = ({ of }) =>
  of
    ? html`<${Badge} variant="outline" colorPalette=${STATE_COLOURS[of] ?? "gray"}>
        <${Box} as="span" w="2" h="2" borderRadius="full" bg=${colourOf(of)} aria-hidden="true" /> ${of}
      <//>`
    : html`<${Text} as="span" color="fg.muted">–<//>`;

export const RouteLink = ({ to, children, ...rest }) =>
  html`<${Chakra.Link} asChild color="fg.info" textDecoration="underline" ...${rest}><${Link} to=${to}>${children}<//><//>`;

export const Panel = ({ title, children, actions, ...rest }) => html`
  <${Box} as="section" aria-label=${title} borderWidth="1px" borderRadius="md" p="4" minW="0" ...${rest}>
    <${Flex} justify="space-between" align="center" mb="3" gap="2" wrap="wrap">
      <${Heading} as="h2" size="sm">${title}<//>
      ${actions}
    <//>
    ${children}
  <//>`;

export const Empty = ({ children }) => html`<${Text} color="fg.muted">${children}<//>`;

export const Failure = ({ error, reload }) => html`
  <${Alert.Root} status="error" role="alert" my="2">
    <${Alert.Indicator} />
    <${Alert.Content}>
      <${Alert.Title}>${error.status === 404 ? "Not found" : "The console cannot show this"}<//>
      <${Alert.Description}>${error.message}<//>
    <//>
    ${reload && html`<${Button} size="sm" variant="outline" onClick=${reload}>Try again<//>`}
  <//>`;

// Show data; what was read last stays in sight while a later request fails.
export const Loaded = ({ request, children }) => html`
  ${request.error && html`<${Failure} error=${request.error} reload=${request.reload} />`}
  ${request.loading && html`<${Spinner} aria-label="Loading" />`}
  ${request.data && children(request.data)}`;

// columns: [{ title, cell: (row) => content, numeric }]
export const DataTable = ({ label, columns, rows, keyOf, empty = "Nothing here yet." }) =>
  rows.length === 0
    ? html`<${Empty}>${empty}<//>`
    : html`<${Box} overflowX="auto" tabIndex="0" role="region" aria-label=${label}>
        <${Table.Root} size="sm" aria-label=${label}>
          <${Table.Header}>
            <${Table.Row}>
              ${columns.map((column) => html`<${Table.ColumnHeader} key=${column.title} textAlign=${column.numeric ? "end" : "start"}>${column.title}<//>`)}
            <//>
          <//>
          <${Table.Body}>
            ${rows.map((row, index) => html`<${Table.Row} key=${keyOf ? keyOf(row) : index}>
              ${columns.map((column) => html`<${Table.Cell} key=${column.title} textAlign=${column.numeric ? "end" : "start"}>${column.cell(row)}<//>`)}
            <//>`)}
          <//>
        <//>
      <//>`;

export const count = (number) => (number === null || number === undefined ? "–" : Number(number).toLocaleString("en"));
