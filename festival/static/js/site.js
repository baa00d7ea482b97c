// Small conveniences. Every page works without this file.
(function () {
  "use strict";
  var words = document.documentElement.dataset;

  // A refusal is read first: the notice that lists what to correct takes the focus.
  var refusal = document.querySelector(".notice--bad[role=alert][tabindex]");
  if (refusal) refusal.focus();

  // "Give my place back": the same form, asked in a dialog.
  document.addEventListener("click", function (event) {
    var summary = event.target.closest(".give > summary");
    if (!summary || !window.HTMLDialogElement) return;
    var details = summary.parentElement, form = details.querySelector("form");
    if (!form || details.open) return;
    event.preventDefault();
    var dialog = document.createElement("dialog");
    dialog.className = "ask";
    dialog.setAttribute("aria-label", summary.textContent.trim());
    var back = document.createElement("button");
    back.type = "button";
    back.className = "btn btn--bare btn--small";
    back.textContent = words.wordBack || "Revenir";
    back.addEventListener("click", function () { dialog.close(); });
    dialog.addEventListener("close", function () {
      back.remove();
      details.append(form);
      dialog.remove();
      summary.focus();
    });
    form.append(back);
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
  });

  // Copy an address: the button appears only where copying works.
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(button.dataset.copy).then(function () {
        var before = button.textContent;
        button.textContent = words.wordCopied || "Copié";
        button.setAttribute("aria-live", "polite");
        setTimeout(function () { button.textContent = before; }, 2500);
      });
    });
  });

  // Print, where a button offers it.
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // Show what is typed in a password field.
  document.querySelectorAll("input[type=password]").forEach(function (input) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn--line btn--small";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-controls", input.id);
    button.textContent = words.wordShow || "Voir";
    button.setAttribute("aria-label", words.wordShowPassword || "Voir le mot de passe");
    button.addEventListener("click", function () {
      var shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      button.textContent = shown ? (words.wordHide || "Cacher") : (words.wordShow || "Voir");
    });
    var box = document.createElement("div");
    box.className = "reveal";
    input.replaceWith(box);
    box.append(input, button);
  });

  // A form that was sent is not sent twice by an impatient finger (the server refuses the second one anyway).
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { delete form.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });

  // A page asked again in another light or language keeps its place.
  document.querySelectorAll("select[data-autosubmit]").forEach(function (select) {
    select.addEventListener("change", function () { select.form.requestSubmit(); });
  });

  // The sentence says what was chosen; how much each choice would find is said in the list of choices alone.
  function sayChoice(select) {
    Array.from(select.options).forEach(function (option) {
      option.dataset.said = option.dataset.said || option.text;
      option.text = option.selected ? option.dataset.said.replace(/\s\([\d\s.,]+\)$/, "") : option.dataset.said;
    });
  }
  document.addEventListener("change", function (event) {
    if (event.target.matches(".sentence select")) sayChoice(event.target);
  });

  // The city one looked for last stays on this device: the entrance begins with it, and « everywhere » forgets it.
  document.addEventListener("submit", function (event) {
    var city = event.target.matches(".sentence") && event.target.querySelector("select[name=ville]:enabled");
    try { if (city) localStorage[city.value ? "setItem" : "removeItem"]("ville", city.value); } catch (closed) { /* kept by nobody */ }
  });
  try {
    var entrance = document.querySelector(".hero__lit select[name=ville]"), last = localStorage.getItem("ville");
    Array.from(last && entrance && !entrance.value ? entrance.options : []).forEach(function (option) {
      if (option.value === last) { option.selected = true; sayChoice(entrance); }
    });
  } catch (closed) { /* storage is off */ }

  // On a phone the doors of a desk stand in one line: the one behind which this page lies is brought into sight.
  var here = document.querySelector(".nav--desk [aria-current]");
  if (here) here.scrollIntoView({ block: "nearest", inline: "center" });

  // Stars: numbers in a cookie of this device, which « Ma journée » plans. Without this file the link leads to a
  // page that asks.
  var STARS = "ma_journee", STARS_KEPT = 180 * 86400, MOST_STARS = 60;

  function stars() {
    var found = new Map(), cookie = ("; " + document.cookie).split("; " + STARS + "=")[1] || "";
    cookie.split(";")[0].split(".").forEach(function (part) {
      var star = /^(\d{1,18})(\*?)$/.exec(part);
      if (star) found.set(star[1], star[2]);
    });
    return found;
  }

  function keep(found) {
    var said = Array.from(found, function (star) { return star[0] + star[1]; }).join(".");
    document.cookie = STARS + "=" + said + ";path=/;samesite=lax;max-age=" + (said ? STARS_KEPT : 0) +
      (location.protocol === "https:" ? ";secure" : "");
  }

  // The day that was asked for goes along to the plan, with the part of the day and the places; else the day on
  // which most of what is starred on this page takes place.
  function dayAsked() {
    var asked = new URLSearchParams(location.search), told = new URLSearchParams(), days = {};
    document.querySelectorAll("[data-day][aria-pressed=true]").forEach(function (link) {
      var day = link.dataset.day;
      (days[day] = days[day] || new Set()).add(link.dataset.star);
    });
    var most = Object.keys(days).sort(function (a, b) { return days[b].size - days[a].size || (a < b ? -1 : 1); })[0];
    if (asked.get("jour") || most) told.set("jour", asked.get("jour") || most);
    ["moment", "places"].forEach(function (name) { if (asked.get(name)) told.set(name, asked.get(name)); });
    return told.toString();
  }

  function show() {
    var found = stars();
    document.querySelectorAll("[data-star]").forEach(function (link) {
      link.setAttribute("role", "button");
      link.setAttribute("aria-pressed", String(found.has(link.dataset.star)));
    });
    var asked = location.pathname === "/ma-journee/" ? "" : dayAsked();
    document.querySelectorAll(".nav a[href^='/ma-journee/'], [data-day-bar]").forEach(function (link) {
      link.href = "/ma-journee/" + (asked && "?" + asked);
      if (link.matches("[data-day-bar]")) return;
      var badge = link.querySelector(".badge");
      if (!badge) { badge = document.createElement("span"); badge.className = "badge"; link.append(" ", badge); }
      badge.hidden = !found.size;
      badge.textContent = found.size || "";
    });
  }

  function toggle(link) {
    var found = stars(), key = link.dataset.star;
    if (!found.delete(key)) {
      if (found.size >= MOST_STARS) return false;
      found.set(key, "");
    }
    keep(found);
    var bar = document.querySelector("[data-day-bar]");
    if (bar && location.pathname !== "/ma-journee/") {
      bar.hidden = !found.size;
      bar.querySelector("[data-day-count]").textContent = found.size;
    }
    if (stars().has(key) !== found.has(key)) return false; // cookies are off: the page that asks says more
    show();
    // The bar may lie over the row by now: it is brought above it, whole.
    var row = bar && !bar.hidden && (link.closest(".slot") || link);
    if (row) row.scrollIntoView({ block: "nearest" });
    return true;
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest("[data-star]");
    if (link && !event.ctrlKey && !event.metaKey && toggle(link)) event.preventDefault();
  });
  document.addEventListener("keydown", function (event) {
    var link = event.key === " " && event.target.closest && event.target.closest("[data-star]");
    if (link && toggle(link)) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", show);
  window.addEventListener("pageshow", show);
  show();

  // « Start from where I am »: asked of the device when the button is pressed, not before.
  document.querySelectorAll("[data-from-here]").forEach(function (button) {
    if (!navigator.geolocation) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      button.disabled = true;
      navigator.geolocation.getCurrentPosition(function (here) {
        var address = new URL(location.href);
        address.searchParams.set("depart", here.coords.latitude.toFixed(4) + "," + here.coords.longitude.toFixed(4));
        location.assign(address);
      }, function () { button.textContent = button.dataset.wordRefused; }, { timeout: 10000 });
    });
  });
})();
