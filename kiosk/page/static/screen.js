// Puts what the booth tells into the page: takes the event stream, swaps the parts in, sounds, and fetches the camera's picture.
// It decides nothing and says nothing of its own; every word in the page comes from the booth.

import { closePad, listenForKeys } from "./keys.js";
import { sound } from "./sounds.js";

const QUIET_MS = 500, LIVELY_MS = 125;  // as kiosk/mirror.py makes them
const PATIENCE_MS = 1500, AGAIN_MS = 1000, SILENCE_MS = 10000, BACK_MS = 60000;
const LARGEST = 1.25, SMALLEST = .5;
const body = document.body, root = document.documentElement;
const query = new URLSearchParams(location.search);
const part = (id) => document.getElementById(id);

let stream, silence, patience, again, back;
let isFirst = true, isLively = false;

function open() {
  clearTimeout(again);
  stream = new EventSource(`/events?lang=${encodeURIComponent(root.dataset.lang)}`);
  stream.onerror = lose;
  stream.addEventListener("run", (event) => { if (JSON.parse(event.data) !== body.dataset.run) renew(); });
  stream.addEventListener("beat", hear);
  stream.addEventListener("show", (event) => { hear(); show(JSON.parse(event.data)); });
  stream.addEventListener("stop", stop);
  stream.addEventListener("closed", () => { closePad(); part("closed").hidden = false; lose(); });
  hear();
}

function renew() {  // another run of the program: its page may be another one
  fetch("/").then(() => location.reload(), lose);
}

function hear() {
  clearTimeout(silence);
  silence = setTimeout(lose, SILENCE_MS);
  if (stream.readyState === EventSource.OPEN) {
    clearTimeout(patience);
    patience = undefined;
    part("lost").hidden = part("closed").hidden = true;
  }
}

function lose() {
  stream.close();
  clearTimeout(silence);
  clearTimeout(again);
  again = setTimeout(open, AGAIN_MS);
  patience ??= setTimeout(() => { closePad(); part("lost").hidden = !part("closed").hidden; }, PATIENCE_MS);
}

function stop() {
  stream.close();
  clearTimeout(silence);
  closePad();
  part("elsewhere").hidden = false;
}

function show(told) {
  isLively = told.is_lively;
  const isNew = told.scan !== 0 && String(told.scan) !== body.dataset.scan;
  if ("stage" in told.parts) root.style.setProperty("--spent", `-${told.spent_ms}ms`);
  for (const [id, html] of Object.entries(told.parts)) part(id).innerHTML = html;
  body.dataset.version = told.version;
  body.dataset.state = told.state;
  body.dataset.camera = told.camera;
  if (told.scan !== 0) body.dataset.scan = told.scan;
  if (isNew) {
    closePad();
    if (!isFirst) sound(told.state);
  }
  isFirst = false;
  if (["stage", "band", "camera"].some((id) => id in told.parts)) fit();
  comeBack(told.state);
}

function fit() {  // letters as large as there is room: some languages need more than others
  const text = part("stage").querySelector(".words, .invitation");
  for (let scale = LARGEST; scale >= SMALLEST; scale -= .05) {
    root.style.setProperty("--fit", scale);
    if (text.scrollHeight <= text.clientHeight && text.scrollWidth <= text.clientWidth) return;
  }
}

function comeBack(state) {  // a language somebody chose is theirs, not the next person's
  if (state !== "idle" || !query.has("back")) {
    clearTimeout(back);
    back = undefined;
  } else back ??= setTimeout(() => location.replace("/"), BACK_MS);
}

function fetchPicture() {
  const picture = part("picture");
  const isShown = body.dataset.camera === "good" && picture.parentElement.offsetParent !== null;
  if (!isShown) {  // whoever comes next sees themselves, not the one before
    picture.hidden = true;
    picture.removeAttribute("src");
    return void setTimeout(fetchPicture, QUIET_MS);
  }
  const next = new Image();
  next.onload = () => { picture.src = next.src; picture.hidden = false; setTimeout(fetchPicture, isLively ? LIVELY_MS : QUIET_MS); };
  next.onerror = () => setTimeout(fetchPicture, QUIET_MS);
  next.src = `/picture.jpg?${Date.now()}`;
}

part("use-here").addEventListener("click", () => { part("elsewhere").hidden = true; isFirst = true; open(); });
addEventListener("resize", fit);
document.fonts.addEventListener("loadingdone", fit);
addEventListener("pagehide", () => stream.close());
listenForKeys();
fit();
open();
fetchPicture();
