// The timetable editor. The lists on the page work without it; with it the day is a grid to drag on, to
// resize on, and to work on by keyboard. Every change is asked of the server and shown as the server has it.
(function () {
  "use strict";
  var setup = document.getElementById("timetable-setup");
  var root = document.querySelector("[data-timetable]");
  if (!setup || !root || !window.EventCalendar || !window.fetch) return;
  setup = JSON.parse(setup.textContent);
  var words = setup.words;
  var grid = root.querySelector("[data-grid]"), lists = root.querySelector("[data-lists]");
  var tray = root.querySelector("[data-tray]"), said = root.querySelector("[data-said]");
  var release = root.querySelector("[data-release]"), step = document.getElementById("pas");
  var token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  var KEYS = /^(Arrow(Up|Down|Left|Right)|Delete|Backspace|Enter|Escape|[pPeE])$/, line = Promise.resolve();
  var wide = window.matchMedia("(min-width: 56rem)");
  var calendar = null, state = null, etag = "", busy = false, asked = 0, chosen = null, dragged = null, focused = null;

  // Asking ------------------------------------------------------------------------------------------------

  function ask(fields) {
    busy = true;
    asked += 1;
    var body = new URLSearchParams(Object.assign({ csrfmiddlewaretoken: token, retour: setup.day }, fields));
    return fetch(setup.change, {
      method: "POST", body: body, credentials: "same-origin", headers: { Accept: "application/json" }
    }).then(function (answer) {
      return answer.json().then(function (facts) { return { ok: answer.ok, facts: facts }; });
    }).catch(function () {
      return { ok: false, facts: { sentences: [words.offline], ways: [] } };
    }).then(function (result) {
      if (result.ok) tell(fields.geste === "defaire" ? words.undone : words.saved, [], "ok");
      else refuse(result.facts, fields);
      return load(true).then(function () {
        busy = false;
        return result;
      });
    });
  }

  function place(block, room, day, minute, duration) {
    return ask({
      geste: "poser", creneau: block.slot, vu: block.seen, salle: room || "", jour: day,
      heure: clock(minute), duree: duration
    });
  }

  function load(always) {
    var headers = { Accept: "application/json" }, since = asked;
    if (etag && !always) headers["If-None-Match"] = etag;
    return fetch(setup.state, { credentials: "same-origin", headers: headers }).then(function (answer) {
      if (answer.status === 304 || !answer.ok) return null;
      if (!always && since !== asked) return null;
      etag = answer.headers.get("ETag") || "";
      return answer.json();
    }).then(function (fresh) {
      // A look that began before the last change of one's own is of the past: the next one is under way.
      if (!fresh || (!always && since !== asked)) return;
      var news = state && !always;
      state = fresh;
      draw();
      if (news) tell(words.meanwhile, [], "info");
    }).catch(function () { /* the next look will tell */ });
  }

  // Telling -----------------------------------------------------------------------------------------------

  function tell(sentence, more, tone) {
    said.textContent = "";
    said.className = "notice timetable__said notice--" + (tone || "info");
    said.hidden = false;
    [sentence].concat(more).forEach(function (text) {
      var line = document.createElement("p");
      line.textContent = text;
      said.append(line);
    });
    clearTimeout(tell.timer);
    if (tone === "ok") tell.timer = setTimeout(function () { said.hidden = true; }, 4000);
  }

  function refuse(facts, fields) {
    tell(words.refused, facts.sentences || [], "bad");
    if (!facts.ways || !facts.ways.length) return;
    var list = document.createElement("ul");
    list.className = "alts";
    facts.ways.forEach(function (way) {
      var item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn--line btn--small";
      button.textContent = way.label;
      button.addEventListener("click", function () {
        var block = find(Number(fields.creneau));
        ask({ geste: "poser", creneau: fields.creneau, vu: block ? block.seen : "", salle: way.room,
          jour: way.day, heure: way.start, duree: way.duration });
      });
      item.append(button);
      list.append(item);
    });
    said.append(list);
    list.querySelector("button").focus();
  }

  // Drawing -----------------------------------------------------------------------------------------------

  function draw() {
    if (release) {
      release.textContent = state.release;
      release.classList.toggle("btn--line", !state.changes);
    }
    drawTray();
    if (!wide.matches) return;
    if (!calendar) begin();
    calendar.setOption("resources", state.rooms.map(function (room) {
      return { id: String(room.id), title: { html: "" }, extendedProps: room };
    }));
    calendar.setOption("events", events());
    requestAnimationFrame(plain);
    if (focused) requestAnimationFrame(function () {
      var again = grid.querySelector('[data-slot="' + focused + '"]') || tray.querySelector('[data-slot="' + focused + '"]');
      if (again && document.activeElement === document.body) again.focus();
    });
  }

  // A table without cells is none: the blocks are buttons with all their words, and the columns are drawn.
  function plain() {
    grid.querySelectorAll("[role], [aria-colindex], [aria-rowindex], [aria-colcount], [aria-rowcount]").forEach(function (part) {
      if (/^(table|rowgroup|row|cell|columnheader|rowheader)$/.test(part.getAttribute("role"))) part.removeAttribute("role");
      ["colindex", "rowindex", "colcount", "rowcount"].forEach(function (name) { part.removeAttribute("aria-" + name); });
    });
  }

  function events() {
    var all = state.blocks.map(function (block) {
      return {
        id: String(block.slot), resourceIds: [String(block.room)], start: block.start, end: block.end,
        title: block.title, editable: !block.pinned, extendedProps: block,
        classNames: [block.paint].concat(
          block.changed ? "is-changed" : [], block.stale ? "is-stale" : [], block.pinned ? "is-pinned" : [])
      };
    });
    state.closed.forEach(function (shut) {
      all.push({ id: "c" + shut.room + "-" + shut.from, resourceIds: [String(shut.room)], display: "background",
        start: state.day + "T" + clock(shut.from), end: ending(shut.to), title: "" });
    });
    state.held.forEach(function (held, number) {
      all.push({ id: "h" + number, resourceIds: [String(held.room)], display: "background", start: held.start,
        end: held.end, title: held.label, classNames: ["is-held"] });
    });
    return all;
  }

  function ending(minute) {
    return minute >= 1440 ? state.day + "T23:59" : state.day + "T" + clock(minute);
  }

  function begin() {
    grid.hidden = false;
    lists.hidden = true;
    root.querySelectorAll("[data-steps], [data-keys]").forEach(function (part) { part.hidden = false; });
    // Few rooms share the width; many keep a readable one and scroll.
    var options = state.rooms.length > 6 ? { columnWidth: "8.5rem" } : {};
    calendar = EventCalendar.create(grid, Object.assign(options, {
      view: "resourceTimeGridDay",
      date: state.day,
      locale: setup.locale,
      headerToolbar: { start: "", center: "", end: "" },
      allDaySlot: false,
      editable: true,
      eventStartEditable: true,
      eventDurationEditable: true,
      pointer: false,
      nowIndicator: true,
      slotDuration: slots(),
      slotLabelInterval: "01:00",
      snapDuration: clock(Number(step.value)),
      slotMinTime: first(),
      slotMaxTime: last(),
      slotHeight: 24,
      height: "82vh",
      slotLabelFormat: function (time) { return hour(time); },
      dayHeaderFormat: function () { return ""; },
      resourceLabelContent: function (info) {
        var room = info.resource.extendedProps, box = document.createElement("div");
        var people = document.createElement("small");
        box.textContent = room.name;
        people.textContent = room.people ? room.venue + ", " + room.people : room.venue;
        box.append(people);
        return { domNodes: [box] };
      },
      eventContent: function (info) {
        var block = info.event.extendedProps;
        if (!block.slot) return info.event.title;
        var title = document.createElement("b"), small = document.createElement("span");
        title.textContent = (block.pinned ? "◆ " : "") + (block.warnings.length ? "⚠ " : "") + block.title;
        small.textContent = block.times + (block.places ? ", " + block.places : "");
        if (block.warnings.length) title.title = block.warnings.join("\n");
        return { domNodes: [title, small] };
      },
      eventDidMount: function (info) {
        var block = info.event.extendedProps;
        if (!block.slot) return;
        info.el.tabIndex = 0;
        info.el.dataset.slot = block.slot;
        info.el.setAttribute("role", "button");
        info.el.setAttribute("aria-label", block.words);
        info.el.setAttribute("aria-roledescription", "");
      },
      eventClick: function (info) {
        var block = info.event.extendedProps;
        if (!block.slot) return;
        if (chosen && chosen.swap && chosen.slot !== block.slot) return swapWith(block);
        location.href = block.url;
      },
      eventDrop: function (info) { dropped(info, info.newResource || null); },
      eventResize: function (info) { dropped(info, null); }
    }));
  }

  function dropped(info, room) {
    var block = find(Number(info.event.id)), start = info.event.start, end = info.event.end;
    var duration = Math.round((end - start) / 60000);
    focused = block.slot;
    place(block, room ? Number(room.id) : block.room, iso(start), start.getHours() * 60 + start.getMinutes(), duration)
      .then(function (result) { if (!result.ok) { info.revert(); draw(); } });
  }

  function first() {
    var opens = state.blocks.map(function (block) { return block.minute; });
    state.rooms.forEach(function (room) {
      var shut = state.closed.filter(function (one) { return one.room === room.id && one.from === 0; })[0];
      if (shut && shut.to < 1440) opens.push(shut.to);
    });
    var from = opens.length ? Math.min.apply(null, opens.concat(9 * 60)) : 8 * 60;
    return clock(Math.max(0, Math.floor(from / 60) * 60));
  }

  function last() {
    var closes = state.blocks.map(function (block) { return block.minute + block.duration; });
    return clockOver(Math.min(1440, Math.ceil(Math.max.apply(null, closes.concat(20 * 60)) / 60) * 60));
  }

  function slots() { return Number(step.value) >= 30 ? clock(Number(step.value)) : "00:15"; }

  function drawTray() {
    tray.textContent = "";
    state.tray.forEach(function (block) {
      var item = document.createElement("li"), link = document.createElement("a");
      var title = document.createElement("b"), small = document.createElement("span");
      link.className = "block " + block.paint + (block.changed ? " is-changed" : "");
      link.href = block.url;
      link.draggable = !block.cancels;
      link.dataset.slot = block.slot;
      link.setAttribute("aria-label", block.words);
      title.textContent = block.title;
      small.className = "small";
      small.textContent = block.times + (block.places ? ", " + block.places : "") + " · " + block.host;
      link.append(title, small);
      link.addEventListener("dragstart", function (event) {
        dragged = block;
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", block.title);
      });
      link.addEventListener("dragend", function () { dragged = null; });
      item.append(link);
      tray.append(item);
    });
    if (state.tray.length) return;
    var none = document.createElement("li");
    none.className = "soft";
    none.textContent = words.none;
    tray.append(none);
  }

  // From the tray -----------------------------------------------------------------------------------------

  grid.addEventListener("dragover", function (event) {
    if (!dragged) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  });
  grid.addEventListener("drop", function (event) {
    if (!dragged || !calendar) return;
    event.preventDefault();
    var at = calendar.dateFromPoint(event.clientX, event.clientY), block = dragged;
    dragged = null;
    if (!at || !at.resource) return;
    var minutes = at.date.getHours() * 60 + at.date.getMinutes(), by = Number(step.value);
    focused = block.slot;
    place(block, Number(at.resource.id), iso(at.date), Math.floor(minutes / by) * by, block.duration);
  });
  tray.addEventListener("dragover", function (event) { if (dragged) event.preventDefault(); });

  // By keyboard -------------------------------------------------------------------------------------------

  document.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && /^[zy]$/i.test(event.key) && !/^(input|textarea|select)$/i.test(event.target.tagName)) {
      event.preventDefault();
      var back = event.shiftKey || /y/i.test(event.key) ? "refaire" : "defaire";
      line = line.then(function () { return ask({ geste: back }); });
      return;
    }
    var at = event.target.closest && event.target.closest("[data-slot]");
    if (!at || !root.contains(at) || event.ctrlKey || event.metaKey || event.altKey || !state) return;
    if (!KEYS.test(event.key) || (event.key === "Enter" && at.getAttribute("role") !== "button")) return;
    event.preventDefault();
    var slot = Number(at.dataset.slot), key = event.key, shift = event.shiftKey;
    // One after the other: the next press starts from what the last one led to.
    line = line.then(function () { return press(slot, key, shift, at); });
  });

  function press(slot, key, shift, at) {
    var block = find(slot), by = Number(step.value);
    if (!block) return null;
    var minute = block.minute, duration = block.duration, room = block.room;
    var rooms = state.rooms.map(function (one) { return one.id; }), column = rooms.indexOf(room);
    focused = slot;
    if (key === "Enter") { location.href = block.url; return null; }
    if (key === "Escape") return choose(null);
    if (/^e$/i.test(key)) return chosen ? swapWith(block) : choose(block, at);
    if (/^p$/i.test(key)) return ask({ geste: block.pinned ? "depingler" : "epingler", creneau: slot });
    if (key === "Delete" || key === "Backspace") return ask({ geste: "retirer", creneau: slot, vu: block.seen });
    if (key === "ArrowUp") { if (shift) duration -= by; else minute -= by; }
    else if (key === "ArrowDown") { if (shift) duration += by; else minute += by; }
    else if (key === "ArrowLeft") room = rooms[Math.max(0, column - 1)];
    else if (key === "ArrowRight") room = rooms[Math.min(rooms.length - 1, column + 1)];
    if (duration < 5 || minute < 0 || minute > 1439 || (block.pinned && block.room)) return null;
    if (minute === block.minute && duration === block.duration && room === block.room) return null;
    return place(block, room, state.day, minute, duration).then(function (result) {
      var moved = find(slot);
      if (result.ok && moved) tell(moved.words, [], "ok");
    });
  }

  function choose(block, element) {
    root.querySelectorAll(".is-chosen").forEach(function (one) { one.classList.remove("is-chosen"); });
    chosen = block ? { slot: block.slot, swap: true, title: block.title } : null;
    if (!block) return null;
    element.classList.add("is-chosen");
    tell(words.swap.replace("%(title)s", block.title), [], "info");
    return null;
  }

  function swapWith(block) {
    var other = chosen;
    choose(null);
    if (other.slot === block.slot) return null;
    focused = block.slot;
    return ask({ geste: "echanger", creneau: other.slot, avec: block.slot });
  }

  root.querySelectorAll("[data-go]").forEach(function (button) {
    button.addEventListener("click", function (event) {
      event.preventDefault();
      ask({ geste: button.dataset.go });
    });
  });
  step.addEventListener("change", function () {
    if (!calendar) return;
    calendar.setOption("snapDuration", clock(Number(step.value)));
    calendar.setOption("slotDuration", slots());
  });
  wide.addEventListener("change", function () {
    lists.hidden = wide.matches && state !== null;
    grid.hidden = !wide.matches;
    if (wide.matches) draw();
    else if (asked) location.reload(); // the lists are those of before the changes made here
  });

  // Small things ------------------------------------------------------------------------------------------

  function find(slot) {
    return state.blocks.concat(state.tray).filter(function (block) { return block.slot === slot; })[0];
  }
  function two(number) { return (number < 10 ? "0" : "") + number; }
  function clock(minute) { return two(Math.floor(minute / 60) % 24) + ":" + two(minute % 60); }
  function clockOver(minute) { return two(Math.floor(minute / 60)) + ":" + two(minute % 60); }
  function iso(date) { return date.getFullYear() + "-" + two(date.getMonth() + 1) + "-" + two(date.getDate()); }
  function hour(date) { return document.documentElement.lang === "fr" ? date.getHours() + " h" : two(date.getHours()) + ":00"; }

  load(true);
  setInterval(function () { if (!busy && !document.hidden && !dragged) load(false); }, 5000);
})();
