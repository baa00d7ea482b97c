// The sheet of places as a map one moves: the same marks in the same order as the list beside it, which is whole
// without this file. Nothing is asked of anybody else before the button for the base map is pressed.
(function () {
  "use strict";
  var L = window.L, box = document.querySelector("[data-map]"), given = document.getElementById("map-setup");
  if (!L || !box || !given) return;
  var setup = JSON.parse(given.textContent), words = box.dataset;
  function find(name) { return document.querySelector("[data-" + name + "]"); }
  var sheet = find("sheet"), list = find("list"), said = find("said"), search = find("search"), bar = find("bar");
  var column = find("map-column"), sketch = find("sketch"), KEY = "carte-fond";
  var still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  var pins = {}, popup = null, asking = null, timer = 0, moved = false;

  sketch.hidden = true;
  box.hidden = false;
  bar.hidden = false;
  var map = L.map(sheet, {
    attributionControl: false, zoomControl: false, scrollWheelZoom: false, worldCopyJump: true, minZoom: 2,
    maxZoom: setup.deepest, zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still, inertia: !still
  });
  sheet.setAttribute("role", "region");
  sheet.setAttribute("aria-label", words.wordMap);
  L.control.zoom({ position: "bottomright", zoomInTitle: words.wordIn, zoomOutTitle: words.wordOut }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  var credit = L.control.attribution({ prefix: false }).addTo(map);
  var Paper = L.GridLayer.extend({ createTile: function () {
    var tile = document.createElement("div");
    tile.className = "maptile";
    return tile;
  } });
  var paper = new Paper({ maxZoom: setup.deepest }).addTo(map);
  var names = L.layerGroup().addTo(map), walks = L.layerGroup().addTo(map), doors = L.layerGroup().addTo(map);
  var coast = L.polygon(setup.coast, { className: "map__land", weight: 1.5, interactive: false, fillOpacity: 1 });
  if (setup.frame) {
    L.rectangle(edges(setup.frame), { className: "map__frame", interactive: false }).addTo(map);
  }
  map.fitBounds(edges(setup.view), { animate: false });

  // « south,west,north,east ».
  function edges(text) {
    var n = text.split(",").map(Number);
    return [[n[0], n[1]], [n[2], n[3] < n[1] ? n[3] + 360 : n[3]]];
  }

  function write(bounds) {
    function wrapped(lon) { return ((lon + 180) % 360 + 360) % 360 - 180; }
    function said(n) { return String(Math.round(n * 1e4) / 1e4); }
    var whole = bounds.getEast() - bounds.getWest() >= 360;
    return [Math.max(bounds.getSouth(), -90), whole ? -180 : wrapped(bounds.getWest()),
      Math.min(bounds.getNorth(), 90), whole ? 180 : wrapped(bounds.getEast())].map(said).join(",");
  }

  function address(path, pairs) {
    var url = new URL(path, location.href);
    Object.keys(pairs).forEach(function (name) { url.searchParams.set(name, pairs[name]); });
    return url.pathname + url.search;
  }

  // The marks ------------------------------------------------------------------------------------------------

  function shape(spot) {
    var many = spot.venues > 1, pin = document.createElement(many ? "a" : "button");
    pin.className = "pin " + (many ? "pin--many" : "pin--door") + (spot.totem ? " pin--totem" : "");
    pin.setAttribute("aria-label", spot.label);
    pin.dataset.key = spot.key;
    if (many) {
      pin.href = spot.url;
      pin.textContent = spot.venues.toLocaleString(document.documentElement.lang);
      if (spot.symbol === "porte-fermee") pin.classList.add("pin--shut");
    } else {
      pin.type = "button";
      pin.setAttribute("aria-haspopup", "dialog");
      pin.innerHTML = '<svg class="door" viewBox="0 0 60 72" aria-hidden="true"><use/></svg><b aria-hidden="true"></b>';
      pin.querySelector("svg").classList.add("paint-" + spot.paint);
      pin.querySelector("use").setAttribute("href", "#" + spot.symbol);
      pin.querySelector("b").textContent = spot.number;
    }
    L.DomEvent.disableClickPropagation(pin);
    pin.addEventListener("click", function (event) { press(event, spot); });
    ["mouseenter", "focus"].forEach(function (on) { pin.addEventListener(on, function () { light(spot.key, true, true); }); });
    ["mouseleave", "blur"].forEach(function (off) { pin.addEventListener(off, function () { light(spot.key, false); }); });
    return pin;
  }

  function line(key) { return document.getElementById(key); }

  // A mark and its line are lit together; from the map, the line is brought into sight where the list scrolls by itself.
  function light(key, on, bring) {
    var pin = pins[key], item = line(key);
    if (pin) {
      pin.shape.classList.toggle("is-lit", on);
      pin.marker.setZIndexOffset(on ? 1000 : 0);
    }
    if (!item) return;
    item.classList.toggle("is-lit", on);
    if (on && bring && list.scrollHeight > list.clientHeight + 1) {
      var top = item.offsetTop - list.offsetTop;
      if (top < list.scrollTop || top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - 8;
    }
  }

  ["mouseover", "focusin"].forEach(function (on) { list.addEventListener(on, function (event) { from(event, true); }); });
  ["mouseout", "focusout"].forEach(function (off) { list.addEventListener(off, function (event) { from(event, false); }); });
  function from(event, on) {
    var item = event.target.closest("[data-key]");
    if (item) light(item.dataset.key, on);
  }

  function press(event, spot) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (spot.venues === 1) return open(spot);
    var frame = new URL(spot.url, location.href).searchParams.get("cadre");
    if (!frame) return;
    event.preventDefault();
    box.focusNext = true;
    map.fitBounds(edges(frame), { maxZoom: setup.deepest });
  }

  // What is behind a door: fetched, shown beside it, left by Escape back to the mark.
  function open(spot) {
    var content = document.createElement("div");
    content.tabIndex = -1;
    content.textContent = "…";
    popup = L.popup({ offset: [0, -20], maxWidth: 320, minWidth: 220, autoPanPadding: [16, 16] }).setLatLng(spot.at).setContent(content);
    popup.openOn(map);
    var close = popup.getElement().querySelector(".leaflet-popup-close-button"), mine = popup;
    if (close) close.setAttribute("aria-label", words.wordClose);
    popup.getElement().setAttribute("role", "dialog");
    popup.getElement().setAttribute("aria-label", spot.name);
    mine.getElement().addEventListener("keydown", function (event) {
      if (event.key === "Escape") map.closePopup(mine);
    });
    mine.on("remove", function () {
      var lost = document.activeElement === document.body || mine.getElement().contains(document.activeElement);
      if (lost && pins[spot.key]) pins[spot.key].shape.focus({ preventScroll: true });
    });
    fetch(spot.doors + setup.question, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.text();
    }).then(function (html) { content.innerHTML = html; }, function () {
      content.innerHTML = "<h2><a></a></h2>";
      content.querySelector("a").href = spot.url;
      content.querySelector("a").textContent = spot.name;
    }).then(function () {
      mine.update();
      content.focus({ preventScroll: true });
    });
  }

  function draw(data) {
    var held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : "";
    var inList = list.contains(document.activeElement) && document.activeElement.closest("[data-key]");
    var had = sheet.contains(document.activeElement) && !!held;
    doors.clearLayers();
    walks.clearLayers();
    names.clearLayers();
    pins = {};
    data.cities.forEach(function (city) {
      var html = document.createElement("span");
      html.textContent = city[0];
      var icon = L.divIcon({ className: "cityname", iconSize: [0, 0], html: html });
      names.addLayer(L.marker(city[1], { icon: icon, interactive: false, keyboard: false, zIndexOffset: -5000 }));
    });
    data.spots.forEach(function (spot) {
      var pin = shape(spot), holder = document.createElement("div");
      holder.append(pin);
      var icon = L.divIcon({ className: "pinbox", iconSize: [0, 0], html: holder });
      var marker = L.marker(spot.at, { icon: icon, keyboard: false, bubblingMouseEvents: false });
      pins[spot.key] = { shape: pin, marker: marker, spot: spot, holder: holder };
      doors.addLayer(marker);
    });
    data.walks.forEach(function (walk) { join(data.spots[walk[0]].at, data.spots[walk[1]].at, walk[2]); });
    name(data.spots);
    if (had || box.focusNext) (pins[held] ? pins[held].shape : sheet).focus({ preventScroll: true });
    box.focusNext = false;
    if (inList && !document.body.contains(inList)) {
      var again = line(inList.dataset.key), link = again && again.querySelector("a");
      if (link) link.focus({ preventScroll: true });
    }
  }

  function join(one, other, minutes) {
    walks.addLayer(L.polyline([one, other], { className: "map__way", interactive: false }));
    var a = map.latLngToLayerPoint(one), b = map.latLngToLayerPoint(other);
    if (a.distanceTo(b) < 90) return;
    var html = document.createElement("span");
    html.textContent = minutes + "\u00a0min";
    var icon = L.divIcon({ className: "walkmin", iconSize: [60, 18], html: html });
    walks.addLayer(L.marker(map.layerPointToLatLng(a.add(b).divideBy(2)), { icon: icon, interactive: false, keyboard: false }));
  }

  // A name stands where it covers no mark and no other name: right, left, below; else the list alone says it.
  function name(spots) {
    var taken = spots.map(function (spot) {
      var at = map.latLngToContainerPoint(spot.at), half = spot.venues > 1 ? 24 : 17;
      return [at.x - half, at.y - 24, at.x + half, at.y + 26];
    });
    var width = map.getSize().x;
    spots.forEach(function (spot) {
      var at = map.latLngToContainerPoint(spot.at), half = spot.venues > 1 ? 24 : 17, label = document.createElement("span");
      label.className = "pin__name";
      label.textContent = spot.name;
      label.setAttribute("aria-hidden", "true");
      pins[spot.key].holder.append(label);
      var wide = label.offsetWidth || spot.name.length * 7.5;
      var places = [[half + 5, -9], [-half - 5 - wide, -9], [-wide / 2, 27]];
      var fits = places.find(function (place) {
        var edge = [at.x + place[0] - 2, at.y + place[1] - 1, at.x + place[0] + wide + 2, at.y + place[1] + 17];
        var free = edge[0] > 2 && edge[2] < width - 2 && taken.every(function (other) {
          return edge[2] <= other[0] || edge[0] >= other[2] || edge[3] <= other[1] || edge[1] >= other[3];
        });
        if (free) taken.push(edge);
        return free;
      });
      if (!fits) return label.remove();
      label.style.left = fits[0] + "px";
      label.style.top = fits[1] + "px";
    });
  }

  // Another part of the map ----------------------------------------------------------------------------------

  function ask() {
    var view = map.getBounds();
    if (setup.frame) {
      var frame = L.latLngBounds(edges(setup.frame));
      if (!view.intersects(frame)) return empty();
      view = L.latLngBounds(
        [Math.max(view.getSouth(), frame.getSouth()), Math.max(view.getWest(), frame.getWest())],
        [Math.min(view.getNorth(), frame.getNorth()), Math.min(view.getEast(), frame.getEast())]
      );
    }
    if (asking) asking.abort();
    asking = new AbortController();
    var where = address(setup.points, { cadre: write(view), zoom: map.getZoom() });
    fetch(where, { credentials: "same-origin", signal: asking.signal }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    }).then(function (data) {
      list.innerHTML = data.list;
      draw(data);
      said.textContent = data.spots.length ? data.said : words.wordEmpty;
    }).catch(function (error) {
      if (error.name !== "AbortError") said.textContent = words.wordFailed;
    });
  }

  function empty() {
    if (asking) asking.abort();
    list.textContent = "";
    draw({ spots: [], walks: [], cities: [] });
    said.textContent = words.wordEmpty;
  }

  function base() {
    var wanted = map.getZoom() <= setup.finest && !tiles;
    if (wanted && !map.hasLayer(coast)) coast.addTo(map).bringToBack();
    if (!wanted) coast.remove();
  }

  map.on("zoomend", base);
  map.on("moveend", function () {
    if (moved) {
      search.hidden = false;
      search.href = address(setup.search, { cadre: write(map.getBounds()) });
    }
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  ["dragstart", "keydown", "zoomstart"].forEach(function (by) { map.on(by, function () { moved = true; }); });

  // The base map: asked for, and remembered on this device ---------------------------------------------------

  var tiles = null, button = find("tiles");
  function turn(on) {
    if (on) paper.remove(); else paper.addTo(map);
    if (on && !tiles) {
      tiles = L.tileLayer(setup.tiles, { maxZoom: setup.deepest, attribution: setup.credit }).addTo(map);
    } else if (!on && tiles) {
      tiles.remove();
      tiles = null;
    }
    box.classList.toggle("has-tiles", on);
    credit.getContainer().hidden = !on;
    switched(button, on);
    base();
  }

  function switched(button, on) {
    button.setAttribute("aria-pressed", String(on));
    button.querySelector("[data-off]").hidden = on;
    button.querySelector("[data-on]").hidden = !on;
  }

  credit.getContainer().hidden = true;
  if (button) {
    var kept = "";
    try { kept = localStorage.getItem(KEY) || ""; } catch (error) { /* storage refused: asked each time */ }
    if (kept === setup.tiles) turn(true);
    button.addEventListener("click", function () {
      turn(!tiles);
      try { if (tiles) localStorage.setItem(KEY, setup.tiles); else localStorage.removeItem(KEY); } catch (error) { /* for this page only */ }
    });
  }

  var fold = find("fold");
  fold.addEventListener("click", function () {
    var folded = column.classList.toggle("is-folded");
    switched(fold, folded);
    if (!folded) map.invalidateSize();
  });

  base();
  draw(setup);
  ask();
})();
