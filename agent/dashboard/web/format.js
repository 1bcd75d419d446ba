// Numbers and times as people read them. Times are of control's clock, which the stream tells.

let skew = 0;
export const setNow = (millis) => { skew = millis - Date.now(); };
export const now = () => Date.now() + skew;

const two = (number) => String(number).padStart(2, "0");

export function clock(millis) {
  const time = new Date(millis);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

export function date(millis) {
  const time = new Date(millis);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** "14:03:07", with the day when it is not today. */
export const moment = (millis) => (date(millis) === date(now()) ? clock(millis) : `${date(millis)} ${clock(millis)}`);

export function span(millis) {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`;
  const seconds = millis / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

export const ago = (millis) => (now() - millis < 1500 ? "now" : `${span(now() - millis).replace(/\.\d/, "")} ago`);

/** What an event says, without what its place says already: whose it is, and ARNs but for their names. */
export const eventText = (text) => text.replace(/^\(service [^)]*\) /, "")
  .replace(/\(target-group arn:[^)]*:targetgroup\/([^/)]+)\/[^)]*\)/g, "(target group $1)").replace(/arn:[^ ]*:(?:container-instance|task)\/(?:[^ /]+\/)?/g, "").replace(/\b([0-9a-f]{8})[0-9a-f]{24}\b/g, "$1");

export function number(value, digits) {
  if (value === undefined || value === null) return "–";
  return value.toLocaleString("en-GB", { maximumFractionDigits: digits ?? (value < 10 ? 1 : 0) });
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at += 1; }
  return `${number(value)} ${units[at]}`;
}

export const mebibytes = (value) => (value >= 10240 ? `${number(value / 1024)} GiB` : `${number(value, 0)} MiB`);
export const cpus = (units) => `${number(units / 1024, 2)} CPU`;
export const plural = (count, one, many) => `${number(count, 0)} ${count === 1 ? one : many || one + "s"}`;
export const short = (id) => (id || "").slice(0, 8);
/** BLUE_GREEN -> "blue green" */
export const words = (text) => (text || "").toLowerCase().replaceAll("_", " ");
export const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
