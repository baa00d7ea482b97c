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
  var wide = window.matchMedia("(min-width: 56rem)");
  var calendar = null, state = null, etag = "", busy = false, chosen = null, dragged = null, focused = null;

  // Asking ------------------------------------------------------------------------------------------------

  function ask(fields) {
    busy = true;
    var body = new URLSearchParams(Object.assign({ csrfmiddlewaretoken: token, retour: setup.day }, fields));
    return fetch(setup.change, {
      method: "POST", body: body, credentials: "same-origin", headers: { Accept: "application/json" }
    }).then(function (answer) {
      return answer.json().then(function (facts) { return { ok: answer.ok, facts: facts }; });
    }).catch(function () {
      return { ok: false, facts: { sentences: [words.offline], ways: [] } };
    }).then(function (result) {
      busy = false;
      if (result.ok) tell(fields.geste === "defaire" ? words.undone : words.saved, [], "ok");
      else refuse(result.facts, fields);
      return load(true).then(function () { return result; });
    });
  }

  function place(block, room, day, minute, duration) {
    return ask({
      geste: "poser", creneau: block.slot, vu: block.seen, salle: room || "", jour: day,
      heure: clock(minute), duree: duration
    });
  }

  function load(always) {
    var headers = { Accept: "application/json" };
    if (etag && !always) headers["If-None-Match"] = etag;
    return fetch(setup.state, { credentials: "same-origin", headers: headers }).then(function (answer) {
      if (answer.status === 304 || !answer.ok) return null;
      etag = answer.headers.get("ETag") || "";
      return answer.json();
    }).then(function (fresh) {
      if (!fresh) return;
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
    if (focused) requestAnimationFrame(function () {
      var again = grid.querySelector('[data-slot="' + focused + '"]') || tray.querySelector('[data-slot="' + focused + '"]');
      if (again && document.activeElement === document.body) again.focus();
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
    calendar = EventCalendar.create(grid, {
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
      columnWidth: "8.5rem",
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
    });
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
      return ask({ geste: event.shiftKey || /y/i.test(event.key) ? "refaire" : "defaire" });
    }
    var at = event.target.closest && event.target.closest("[data-slot]");
    if (!at || !root.contains(at) || busy || event.ctrlKey || event.metaKey || event.altKey || !state) return;
    var block = find(Number(at.dataset.slot));
    if (!block) return;
    var by = Number(step.value), minute = block.minute, duration = block.duration, room = block.room;
    var rooms = state.rooms.map(function (one) { return one.id; }), column = rooms.indexOf(room);
    if (event.key === "ArrowUp") { if (event.shiftKey) duration -= by; else minute -= by; }
    else if (event.key === "ArrowDown") { if (event.shiftKey) duration += by; else minute += by; }
    else if (event.key === "ArrowLeft") room = rooms[Math.max(0, column - 1)];
    else if (event.key === "ArrowRight") room = rooms[Math.min(rooms.length - 1, column + 1)];
    else if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); focused = block.slot; return ask({ geste: "retirer", creneau: block.slot, vu: block.seen }); }
    else if (/^p$/i.test(event.key)) { focused = block.slot; return ask({ geste: block.pinned ? "depingler" : "epingler", creneau: block.slot }); }
    else if (/^e$/i.test(event.key)) return chosen ? swapWith(block) : choose(block, at);
    else if (event.key === "Escape") return choose(null);
    else if (event.key === "Enter" && at.getAttribute("role") === "button") { location.href = block.url; return; }
    else return;
    event.preventDefault();
    if (duration < 5 || minute < 0 || minute > 1439 || (block.pinned && block.room)) return;
    if (minute === block.minute && duration === block.duration && room === block.room) return;
    focused = block.slot;
    place(block, room, state.day, minute, duration).then(function (result) {
      var moved = find(block.slot);
      if (result.ok && moved) tell(moved.words, [], "ok");
    });
  });

  function choose(block, element) {
    root.querySelectorAll(".is-chosen").forEach(function (one) { one.classList.remove("is-chosen"); });
    chosen = block ? { slot: block.slot, swap: true, title: block.title } : null;
    if (!block) return;
    element.classList.add("is-chosen");
    tell(words.swap.replace("%(title)s", block.title), [], "info");
  }

  function swapWith(block) {
    var other = chosen;
    choose(null);
    if (other.slot === block.slot) return;
    focused = block.slot;
    ask({ geste: "echanger", creneau: other.slot, avec: block.slot });
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
    lists.hidden = wide.matches;
    grid.hidden = !wide.matches;
    if (wide.matches) draw(); else location.reload();
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
