// One short pattern of notes for each result, unlike the others in number and direction, so that it is known without looking.

const C5 = 523.25, D5 = 587.33, E5 = 659.25, G4 = 392, G5 = 783.99, A5 = 880, C6 = 1046.5, E4 = 329.63;
const PATTERNS = {  // [frequency in Hz, start in s, length in s]
  received: [[C5, 0, .25], [E5, .12, .25], [G5, .24, .25], [C6, .36, .7]],  // rising
  recorded: [[E5, 0, .35], [A5, .22, .8]],  // two steps up
  already_received: [[G5, 0, .22], [G5, .28, .45]],  // the same twice
  todays_limit: [[G5, 0, .3], [E5, .24, .3], [C5, .48, .8]],  // falling
  not_usable: [[G4, 0, .3], [E4, .26, .7]],  // two low ones
  call_staff: [[E5, 0, .4], [C5, .4, .6], [E5, 1.1, .4], [C5, 1.5, .8]],  // a door bell, twice
};
const LOUDNESS = .35;

let context;

export function sound(state) {
  context ??= new AudioContext();
  context.resume();
  for (const [frequency, start, length] of PATTERNS[state]) note(frequency, context.currentTime + start, length);
  document.body.dataset.sounded = state;
}

function note(frequency, start, length) {  // a soft mallet: quick attack, long fall, a little of the octave above
  for (const [times, share] of [[1, 1], [2, .25]]) {
    const tone = new OscillatorNode(context, { type: "sine", frequency: frequency * times });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(LOUDNESS * share, start + .012);
    gain.gain.exponentialRampToValueAtTime(.0005, start + length);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + length);
  }
}
