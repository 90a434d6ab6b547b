// Takes member numbers, typed by keyboard or on the number pad, and codes that a hand-held scanner types, to the booth.
//
// A scanner is a keyboard that types very quickly and ends with Enter. Each key is read in two ways: as the system understood it (event.key), and
// as the key in that place of a US keyboard (event.code), for a US scanner on a Japanese system types ':' as '+', and an input method hides the key.

const LENGTH = 14, BURST_MS = 500, CLOSE_MS = 30000, MOST = 500;
const PREFIX = "KP1:";
const SEPARATOR = /^[\s\-ー−‐‑–—－]$/;  // blanks and dashes that people's keyboards make
const US = {
  Space: "  ", Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:", Quote: "'\"", Backquote: "`~",
  Comma: ",<", Period: ".>", Slash: "/?", Digit1: "1!", Digit2: "2@", Digit3: "3#", Digit4: "4$", Digit5: "5%", Digit6: "6^", Digit7: "7&", Digit8: "8*",
  Digit9: "9(", Digit0: "0)", NumpadAdd: "++", NumpadMultiply: "**", NumpadSubtract: "--", NumpadDivide: "//", NumpadDecimal: "..",
};

const part = (id) => document.getElementById(id);
const NOTHING = { key: "", code: "", digits: 0, separators: 0, at: 0 };
let burst = { ...NOTHING };
let digits = "", closing;

export function listenForKeys() {
  addEventListener("keydown", take);
  part("open-pad").addEventListener("click", openPad);
  part("pad").addEventListener("click", (event) => press(event.target.closest("button")?.dataset.key));
}

export function closePad() {
  clearTimeout(closing);
  digits = "";
  const hadFocus = part("pad").contains(document.activeElement);
  hidePad(true);
  if (hadFocus) part("open-pad").focus();
}

function openPad() {
  hidePad(false);
  draw();
  part("pad").querySelector("[data-key='1']").focus();
}

function hidePad(isHidden) {  // what lies behind it is out of reach meanwhile
  part("pad").hidden = isHidden;
  for (const behind of document.querySelectorAll("header, main, footer")) behind.inert = !isHidden;
}

function take(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.timeStamp - burst.at > BURST_MS) burst = { ...NOTHING };
  burst.at = event.timeStamp;
  if (event.code === "Enter" || event.code === "NumpadEnter" || (event.code === "Tab" && burst.code.length > LENGTH)) return finish(event);
  if (event.code === "Escape") return closePad();
  if (event.code === "Backspace") return press("delete");
  const [key, code] = [event.key.length === 1 ? event.key : "", onUsKeyboard(event)];
  if (!code && !key) return;
  if (event.code === "Space") event.preventDefault();  // no button is pressed by it
  burst.key = (burst.key + key).slice(0, MOST);
  burst.code = (burst.code + code).slice(0, MOST);
  if (SEPARATOR.test(key) && isNumber(burst.code.length - 1)) burst.separators += 1;
  else typeOne(/^[0-9]$/.test(key) ? key : /^[0-9]$/.test(code) && event.key === "Process" ? code : "");
}

function isNumber(length) {  // whether so many keys were digits, and blanks or dashes as in 0118 3458 4494 85
  return burst.digits + burst.separators === length;
}

function typeOne(digit) {
  if (digit && isNumber(burst.code.length - 1)) {
    burst.digits += 1;
    if (part("pad").hidden) openPad();
    return press(digit);
  }
  if (burst.digits && isNumber(burst.code.length - 1)) {  // what began as digits is a scanner's code
    digits = digits.slice(0, -burst.digits);
    if (digits) draw(); else closePad();
  }
}

function finish(event) {
  const { key, code } = burst;
  burst = { ...NOTHING };
  const text = [key, code].find((reading) => reading.startsWith(PREFIX)) ?? (key || code);
  if (text.length > 1 && ![...text].every((sign) => /^[0-9]$/.test(sign) || SEPARATOR.test(sign))) {
    event.preventDefault();
    return send({ code: text });
  }
  if (part("pad").hidden || event.target.closest?.("[data-key='cancel'], [data-key='delete']")) return;
  event.preventDefault();
  press("enter");
}

function press(key) {
  if (!key || part("pad").hidden) return;
  if (key === "cancel") return closePad();
  if (key === "enter") {
    if (digits.length === LENGTH) send({ number: digits });
    return;
  }
  digits = key === "delete" ? digits.slice(0, -1) : (digits + key).slice(0, LENGTH);
  draw();
}

function draw() {
  clearTimeout(closing);
  closing = setTimeout(closePad, CLOSE_MS);
  part("digits").querySelectorAll(".cell").forEach((cell, at) => {
    cell.textContent = digits[at] ?? "";
    cell.classList.toggle("next", at === digits.length);
  });
  for (const line of part("pad").querySelectorAll("[data-left]")) line.hidden = Number(line.dataset.left) !== LENGTH - digits.length;
  part("pad").querySelector(".enter").setAttribute("aria-disabled", digits.length !== LENGTH);
}

function send(typed) {
  closePad();
  fetch("/typed", { method: "POST", body: JSON.stringify(typed) }).catch(() => {});  // the stream tells that the booth is gone
}

function onUsKeyboard({ code, shiftKey }) {
  if (/^Key[A-Z]$/.test(code)) return code[3];  // a member's code has capitals only
  if (/^Numpad[0-9]$/.test(code)) return code[6];
  return US[code]?.[Number(shiftKey)] ?? "";
}
