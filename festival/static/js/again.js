// Too many people at once: the page tries again by itself, with what was typed, until it is served or somebody
// takes over. Without script there is a button. A booking sent twice books once.
(function () {
  "use strict";
  var told = document.querySelector("[data-again]"), form = document.getElementById("again");
  if (!told || !window.fetch || !window.URLSearchParams) return;
  var seconds = Number(told.dataset.again) || 3, tries = 0, timer;

  function later(pause) {
    // Up to half as long again, by chance: who was sent away together does not come back together.
    timer = setTimeout(again, 1000 * pause * (1 + Math.random() / 2));
  }

  function give_over() {
    clearTimeout(timer);
    told.hidden = true;
  }

  function again() {
    if (++tries > 40) return give_over();
    var asked = form
      ? fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) })
      : fetch(location.href);
    asked.then(function (answer) {
      if (answer.status === 503) return later(Number(answer.headers.get("Retry-After")) || seconds);
      give_over();
      if (!form) return location.reload();
      if (answer.redirected) return location.replace(answer.url);
      form.submit(); // the same answer once more, for the browser to show
    }).catch(function () { later(seconds); });
  }

  document.addEventListener("input", give_over);
  document.addEventListener("submit", give_over);
  told.hidden = false;
  later(seconds);
})();
