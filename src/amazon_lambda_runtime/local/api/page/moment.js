// Moments to come: the day and the time, here or in UTC, and how long it is until then.

const two = (number) => String(number).padStart(2, "0");
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// "Sat 28 Nov 04:00", with seconds where there are any; of this machine's time zone, or of "UTC".
export function day(date, zone) {
  // Shifted, so that what is UTC for JavaScript is what the clock on the wall shows.
  const shown = zone === "UTC" ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  const seconds = shown.getUTCSeconds() ? `:${two(shown.getUTCSeconds())}` : "";
  const time = `${two(shown.getUTCHours())}:${two(shown.getUTCMinutes())}${seconds}`;
  return `${DAYS[shown.getUTCDay()]} ${shown.getUTCDate()} ${MONTHS[shown.getUTCMonth()]} ${time}`;
}

export function until(date, now = Date.now()) {
  const seconds = Math.max(0, Math.round((date.getTime() - now) / 1000));
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 5400) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `in ${Math.round(seconds / 3600)} h`;
  return `in ${Math.round(seconds / 86_400)} days`;
}
