// Parts that several pages share: panels, states, tables, and what stands where data are missing.

import { Chakra, html, Link } from "./host.js";
import { time } from "./time.js";

const { Alert, Badge, Box, Button, Flex, Heading, NativeSelect, Spinner, Table, Text } = Chakra;

export const ROOT = "/plugin/amc";

// Airflow's own colours of states, so that a colour means the same on every page
const STATE_COLOURS = {
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

export const Notice = ({ title, children, action, ...rest }) => html`
  <${Alert.Root} ...${rest}>
    <${Alert.Indicator} />
    <${Alert.Content}>
      <${Alert.Title}>${title}<//>
      ${children && html`<${Alert.Description} overflowWrap="anywhere">${children}<//>`}
    <//>
    ${action}
  <//>`;

export const Failure = ({ error, reload, isRepeated }) => html`
  <${Notice} status="error" role="alert" my="2" title=${error.status === 404 ? "Not found" : "The console cannot show this"}
    action=${reload && html`<${Button} size="sm" variant="outline" onClick=${reload}>Try again<//>`}>
    ${error.message}${isRepeated && " The page tries again."}
  <//>`;

// Show data; what was read last stays in sight while a later request fails.
export const Content = ({ request, children }) => html`
  ${request.error && html`<${Failure} error=${request.error} reload=${request.reload} isRepeated=${request.isRepeated} />`}
  ${request.loading && html`<${Spinner} aria-label="Loading" />`}
  ${request.data && children(request.data)}`;

// columns: [{ title, cell: (row) => content, numeric }]. `limit` is the most rows that are read.
export const DataTable = ({ label, columns, rows, keyOf, limit, empty = "Nothing here yet." }) =>
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
        ${rows.length === limit && html`<${Text} fontSize="xs" color="fg.muted">The first ${limit} are shown.<//>`}
      <//>`;

// A panel that has a table alone, under the same name unless it has a `label`
export const TablePanel = ({ title, label = title, ...table }) => html`<${Panel} title=${title}><${DataTable} label=${label} ...${table} /><//>`;

// A time with the name of its zone as a tooltip
export const timeIn = (instant, zone, options) => html`<${Text} as="time" title=${zone}>${time(instant, zone, options)}<//>`;

// options: texts, or pairs of a value and a text
export const Select = ({ value, onChange, options, width, ...rest }) => html`
  <${NativeSelect.Root} size="sm" width=${width}>
    <${NativeSelect.Field} value=${value ?? ""} onChange=${(event) => onChange(event.target.value)} ...${rest}>
      ${options.map((option) => {
        const [key, title] = Array.isArray(option) ? option : [option, option];
        return html`<option key=${key} value=${key}>${title}</option>`;
      })}
    <//>
    <${NativeSelect.Indicator} />
  <//>`;

export const Choice = ({ label, ...rest }) => html`
  <${Flex} as="label" align="center" gap="2" fontSize="sm">${label}<${Select} aria-label=${label} width="auto" ...${rest} /><//>`;

// tabs: [{ title, to, isCurrent }]
export const Tabs = ({ label, tabs }) => html`
  <${Flex} as="nav" aria-label=${label} columnGap="4" wrap="wrap" borderBottomWidth="1px">
    ${tabs.map(({ title, to, isCurrent }) => html`<${Chakra.Link} key=${title} asChild py="2" borderBottomWidth="2px"
      borderColor=${isCurrent ? "fg.info" : "transparent"} fontWeight=${isCurrent ? "semibold" : "normal"}>
      <${Link} to=${to} aria-current=${isCurrent ? "page" : undefined}>${title}<//>
    <//>`)}
  <//>`;

// Links to the page before and the page after, where there is one; `children` say where one is
export const Pager = ({ before, after, beforeText = "Previous page", afterText = "Next page", children }) => html`
  <${Flex} as="nav" aria-label="Pages" gap="4" mt="3" align="center" fontSize="sm">
    ${before && html`<${RouteLink} to=${before}>${beforeText}<//>`}
    ${children}
    ${after && html`<${RouteLink} to=${after}>${afterText}<//>`}
  <//>`;

// A ratio as text with every digit becomes a percentage to read
export const percent = (ratio) => (ratio === null ? "–" : `${(Number(ratio) * 100).toLocaleString("en", { maximumFractionDigits: 2 })} %`);

export const count = (number) => (number === null || number === undefined ? "–" : Number(number).toLocaleString("en"));
