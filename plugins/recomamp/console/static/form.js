// Parts of forms: fields that show what is wrong with them, and the check of a row as it is typed.

import { send } from "./api.js";
import { Chakra, html, useEffect, useRef, useState } from "./host.js";
import { Notice, Select } from "./widgets.js";

const { Box, Button, Field, Flex, Input, Text, Textarea } = Chakra;

const PAUSE_MS = 700; // after the last key, before the row is checked

const at = (row, name) => name.split(".").reduce((part, key) => part?.[key], row);
const withValue = (row, [key, ...rest], value) => ({ ...row, [key]: rest.length ? withValue(row[key] ?? {}, rest, value) : value });

// The row of a form and the latest answer about it. `ready` is false while there is nothing to check.
export function useForm(initial, { id, ready }) {
  const [row, setRow] = useState(initial);
  const [answer, setAnswer] = useState(null);
  const [isSaving, setSaving] = useState(false);
  const isAsking = useRef(false);
  const saves = useRef(0); // a check of before a save does not replace its answer
  const text = JSON.stringify(row);
  const isReady = ready(row);

  useEffect(() => {
    if (!isReady) return undefined;
    let timer = null;
    let isOutdated = false;
    const savesBefore = saves.current;
    const isWanted = () => !isOutdated && saves.current === savesBefore;
    async function check() {
      if (!isWanted()) return;
      if (isAsking.current) {
        timer = setTimeout(check, PAUSE_MS); // never two checks at once
        return;
      }
      isAsking.current = true;
      try {
        const found = await send("POST", id ? `register/check?row_id=${id}` : "register/check", JSON.parse(text));
        if (isWanted()) setAnswer({ ...found, of: text });
      } catch (error) {
        if (isWanted()) setAnswer({ error, of: text });
      } finally {
        isAsking.current = false;
      }
    }
    timer = setTimeout(check, PAUSE_MS);
    return () => {
      isOutdated = true;
      clearTimeout(timer);
    };
  }, [text, isReady, id]);

  return {
    row, answer, isReady, isSaving, isChecked: answer?.of === text,
    problems: answer?.problems ?? [],
    set: (name, value) => setRow((before) => withValue(before, name.split("."), value)),
    change: setRow,
    async save() {
      setSaving(true);
      saves.current += 1;
      try {
        return id ? await send("PUT", `register/${id}`, row) : await send("POST", "register", row);
      } catch (error) {
        const problem = { column: error.column ?? null, message: error.message, line: null };
        setAnswer((before) => ({ findings: [], ...before, problems: [problem], of: text }));
        return null;
      } finally {
        setSaving(false);
      }
    },
  };
}

const Line = ({ value, onChange, ...rest }) =>
  html`<${Input} size="sm" value=${value ?? ""} onChange=${(event) => onChange(event.target.value)} ...${rest} />`;

const Lines = ({ value, onChange, ...rest }) =>
  html`<${Textarea} size="sm" value=${value ?? ""} onChange=${(event) => onChange(event.target.value)} ...${rest} />`;

export const FormField = ({ label, help, problem, children, ...rest }) => html`
  <${Field.Root} invalid=${Boolean(problem)} ...${rest}>
    <${Field.Label}>${label}<//>
    ${children}
    ${help && html`<${Field.HelperText}>${help}<//>`}
    ${problem && html`<${Field.ErrorText} color="red.fg">${problem}<//>`}
  <//>`;

export const problemOf = ({ problems }, name) =>
  problems.find(({ column }) => column === name || column === `parameters.${name}`)?.message;

// A field of a column: a choice where it has options, else a line or an area of text
export const Entry = ({ form, name, label, help, options, area, nullable, width, ...rest }) => {
  const value = at(form.row, name);
  const onChange = (text) => form.set(name, nullable && text === "" ? null : text);
  const problem = problemOf(form, name);
  const Part = options ? Select : area ? Lines : Line;
  return html`<${FormField} label=${label} help=${help} problem=${problem} maxW=${width}>
    <${Part} value=${value} onChange=${onChange} ...${options ? { options } : rest} />
  <//>`;
};

export const Checkbox = ({ checked, onChange, children, label }) => html`
  <${Flex} as="label" gap="2" align="center" fontSize="sm">
    <input type="checkbox" checked=${Boolean(checked)} aria-label=${label} onChange=${(event) => onChange(event.target.checked)} />
    ${children}
  <//>`;

export const CheckboxEntry = ({ form, name, children }) =>
  html`<${Checkbox} checked=${at(form.row, name)} onChange=${(value) => form.set(name, value)}>${children}<//>`;

// A value of a parameter as text; an array has one element in each line
export function Value({ type, value, onChange, label, placeholder }) {
  const given = (text) => onChange(text === "" ? null : text);
  const named = { "aria-label": label, placeholder, size: "sm" };
  if (type.startsWith("ARRAY")) {
    const lines = (text) => onChange(text === "" ? null : text.split("\n"));
    return html`<${Lines} ...${named} rows=${Math.min(6, (value?.length ?? 1) + 1)} value=${Array.isArray(value) ? value.join("\n") : value} onChange=${lines} />`;
  }
  if (type === "BOOLEAN") {
    return html`<${Select} aria-label=${label} value=${value} onChange=${given} options=${[["", placeholder ?? ""], "true", "false"]} />`;
  }
  return html`<${Line} ...${named} type=${type === "DATE" ? "date" : "text"} value=${value} onChange=${given} />`;
}

// SQL with the numbers of its lines. `editor` is a ref: focus it and select a place by goTo.
export function Sql({ editor, label, value, onChange, problem, help }) {
  const numbers = useRef(null);
  const count = value.split("\n").length;
  const face = { fontFamily: "mono", fontSize: "sm", lineHeight: "1.5", py: "2" };
  return html`<${FormField} label=${label} problem=${problem} help=${help}>
    <${Flex} w="100%">
      <${Box} ref=${numbers} as="pre" aria-hidden="true" ...${face} px="2" h="20rem" overflow="hidden" borderWidth="1px" borderColor="transparent" textAlign="end" color="fg.muted" bg="bg.muted">
        ${Array.from({ length: count }, (_, index) => `${index + 1}\n`).join("")}
      <//>
      <${Textarea} ref=${editor} ...${face} h="20rem" resize="none" wrap="off" overflow="auto" spellCheck=${false} borderLeftRadius="0"
        value=${value} onChange=${(event) => onChange(event.target.value)}
        onScroll=${(event) => { numbers.current.scrollTop = event.target.scrollTop; }} />
    <//>
  <//>`;
}

export function goTo(editor, line, position) {
  const lines = editor.value.split("\n");
  const offset = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + position - 1;
  editor.focus();
  editor.setSelectionRange(offset, offset + 1);
  editor.scrollTop = Math.max(0, (line - 4) * 21);
}

const Message = ({ one, onPlace }) => html`<li>
  ${one.column && html`<${Text} as="span" fontFamily="mono">${one.column}: <//>`}${one.message}
  ${one.line && onPlace && html` <${Button} size="2xs" variant="outline" onClick=${() => onPlace(one.line, one.position)}>Go to line ${one.line}<//>`}
</li>`;

const Messages = ({ status, title, items, onPlace }) => html`
  <${Notice} status=${status} title=${title}>
    <${Box} as="ul" ps="4" listStyleType="disc">${items.map((one, index) => html`<${Message} key=${index} one=${one} onPlace=${onPlace} />`)}<//>
  <//>`;

// The end of a form: what the checks say, and the button that saves
export function FormEnd({ form, onSaved, onPlace, wanted }) {
  const { answer, problems, isReady, isChecked } = form;
  const findings = answer?.findings ?? [];
  const isNamed = form.row.name.trim() !== "";
  const saved = async () => {
    const row = await form.save();
    if (row) onSaved(row);
  };
  return html`<${Flex} direction="column" gap="3" align="start" aria-live="polite">
    ${answer?.error && html`<${Messages} status="error" title="The row could not be checked" items=${[{ message: answer.error.message }]} />`}
    ${problems.length > 0 && html`<${Messages} status="error" title="To correct" items=${problems} onPlace=${onPlace} />`}
    ${findings.length > 0 && html`<${Messages} status="warning" title="Findings, which stop nothing" items=${findings} onPlace=${onPlace} />`}
    <${Flex} gap="3" align="center" wrap="wrap">
      <${Button} size="sm" disabled=${!isReady || !isNamed || form.isSaving} loading=${form.isSaving} onClick=${saved}>
        ${problems.length > 0 ? "Try to save all the same" : "Save"}
      <//>
      <${Text} fontSize="sm" color="fg.muted">
        ${!isReady ? wanted : !isNamed ? "Write a name." : !isChecked ? "Checking…" : answer.error ? "" : problems.length > 0 ? "The checks found problems." : "The checks accept this row."}
      <//>
    <//>
  <//>`;
}
