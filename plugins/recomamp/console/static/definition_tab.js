// The tab "AMC definition" of a DAG: the page of the schedule or collection that it is made of.

import { Collection } from "./collection.js";
import { Chakra, html } from "./host.js";
import { Schedule } from "./schedule.js";
import { Empty } from "./widgets.js";

const PAGES = { schedule: Schedule, collection: Collection };

globalThis["AMC definition"] = function Definition({ dagId }) {
  const [, kind, id] = /^amc_(schedule|collection)_([0-9a-f-]{36})$/.exec(dagId ?? "") ?? [];
  return html`<${Chakra.Box} as="main" p="4" overflowY="auto" h="100%">
    ${kind
      ? html`<${PAGES[kind]} key=${id} id=${id} />`
      : html`<${Empty}>This DAG is not made of a schedule or a collection. Its code is in the folder dags.<//>`}
  <//>`;
};
