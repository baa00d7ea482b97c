// While robots storm the doors: finds, for each piece, a number that gives a SHA-256 with leading zero bits
// (events/proofs.py asks for it). In slices, so that typing goes on; no Web Crypto, which is one call a hash.
(function () {
  "use strict";
  var field = document.querySelector("[data-proof]");
  if (!field) return;
  var says = document.querySelector("[data-proof-says]"), form = field.form, pressed = null, waiting = false;
  var seed = field.dataset.proof, pieces = Number(field.dataset.pieces), bits = Number(field.dataset.bits);

  // SHA-256 (FIPS 180-4) of one block: up to 55 ASCII signs; the first word of the digest is enough.
  var K = [], H = [], n = 2;
  function fraction(x) { return ((x - Math.floor(x)) * 4294967296) | 0; }
  while (K.length < 64) {
    var prime = true;
    for (var d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (prime) {
      if (H.length < 8) H.push(fraction(Math.sqrt(n)));
      K.push(fraction(Math.cbrt(n)));
    }
    n++;
  }
  var w = new Int32Array(64);
  function firstWord(text) {
    var i, length = text.length;
    for (i = 0; i < 16; i++) w[i] = 0;
    for (i = 0; i < length; i++) w[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    w[length >> 2] |= 0x80 << (24 - (length % 4) * 8);
    w[15] = length * 8;
    for (i = 16; i < 64; i++) {
      var x = w[i - 15], y = w[i - 2];
      var s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      var s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    var a = H[0], b = H[1], c = H[2], e = H[4], f = H[5], g = H[6], h = H[7], dd = H[3];
    for (i = 0; i < 64; i++) {
      var S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      var t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      var S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      var t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (dd + t1) | 0; dd = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    return (a + H[0]) >>> 0;
  }

  var found = [], number = 0;
  function work() {
    var until = Date.now() + 40;
    while (found.length < pieces && Date.now() < until) {
      for (var turn = 0; turn < 200; turn++) {
        if (firstWord(seed + ":" + found.length + ":" + number) >>> (32 - bits) === 0) {
          found.push(number);
          number = 0;
          break;
        }
        number++;
      }
    }
    if (found.length < pieces) { setTimeout(work, 0); return; }
    field.value = found.join(".");
    says.textContent = field.dataset.wordDone;
    if (waiting) form.requestSubmit(pressed);
  }

  // Whoever is quicker than the work waits for the rest of it.
  form.addEventListener("submit", function (event) {
    if (field.value) return;
    event.preventDefault();
    pressed = event.submitter;
    waiting = true;
  });
  field.value = "";  // what a browser kept from before belongs to another challenge
  says.textContent = field.dataset.wordWorking;
  work();
})();
