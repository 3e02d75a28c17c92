// The page "AMC" of Airflow's navigation: one address below /plugin/amc for each thing it shows.

import { Chakra, html, Link, useEffect, useLocation } from "./host.js";
import { Execution } from "./execution.js";
import { Executions } from "./executions.js";
import { Overview } from "./overview.js";
import { Empty, ROOT, RouteLink } from "./widgets.js";

const { Box, Flex, Heading } = Chakra;

const TABS = [["", "Overview"], ["/executions", "Executions"]];

const ROUTES = [
  [/^\/?$/, "Overview", () => html`<${Overview} />`],
  [/^\/executions\/?$/, "Executions", () => html`<${Executions} />`],
  [/^\/executions\/([0-9a-f-]{36})$/, "Execution", (id) => html`<${Execution} id=${id} key=${id} />`],
];

const NotFound = () => html`<${Empty}>This address shows nothing. <${RouteLink} to=${ROOT}>Go to the overview<//>.<//>`;

const Navigation = ({ path }) => html`
  <${Flex} as="nav" aria-label="AMC console" gap="4" wrap="wrap" borderBottomWidth="1px" mb="4">
    ${TABS.map(([to, title]) => {
      const current = to === "" ? /^\/?$/.test(path) : path.startsWith(to);
      return html`<${Chakra.Link} key=${to} asChild py="2" borderBottomWidth="2px"
        borderColor=${current ? "fg.info" : "transparent"} fontWeight=${current ? "semibold" : "normal"}>
        <${Link} to="${ROOT}${to}" aria-current=${current ? "page" : undefined}>${title}<//>
      <//>`;
    })}
  <//>`;

function Console() {
  const { pathname } = useLocation();
  const path = pathname.slice(pathname.indexOf(ROOT) + ROOT.length);
  const [pattern, title, page] = ROUTES.find(([one]) => one.test(path)) ?? [null, "Not found", NotFound];
  useEffect(() => {
    document.title = `${title} – AMC`;
  }, [title]);
  return html`<${Box} as="main" p="4" overflowY="auto" h="100%">
    <${Heading} as="h1" size="lg" mb="2">AMC<//>
    <${Navigation} path=${path} />
    ${page(...(pattern ? pattern.exec(path).slice(1) : []))}
  <//>`;
}

globalThis.AMC = Console;
