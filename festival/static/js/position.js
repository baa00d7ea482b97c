// The position of a venue on a map: where a server of tiles is set, and not before somebody asks for it.
// The two fields say the same without this file, and stay in step with the mark.
(function () {
  "use strict";
  var box = document.querySelector("[data-position-map]");
  if (!box) return;
  var words = box.dataset;
  var latitude = document.getElementById(words.latitude), longitude = document.getElementById(words.longitude);
  var button = box.querySelector("[data-show]"), sheet = box.querySelector("[data-sheet]");
  var hint = box.querySelector("[data-hint]"), status = box.querySelector("[role=status]");
  if (!latitude || !longitude || !button || !sheet) return;
  var FRANCE = [46.6, 2.5];
  var ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  box.hidden = false;

  function number(text) {
    var value = parseFloat(String(text).replace(",", "."));
    return isFinite(value) ? value : null;
  }

  // What the fields say, or nothing.
  function typed() {
    var lat = number(latitude.value), lon = number(longitude.value);
    if (lat === null || lon === null || Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
    return [lat, lon];
  }

  function centre() {
    var parts = (words.centre || "").split(",").map(number);
    return parts.length === 2 && parts[0] !== null && parts[1] !== null ? parts : null;
  }

  function fail() {
    button.disabled = false;
    status.textContent = words.wordFailed;
  }

  function draw() {
    var L = window.L, there = typed(), around = centre();
    if (!L) return fail();
    button.hidden = true;
    sheet.hidden = false;
    if (hint) hint.hidden = false;
    status.textContent = "";
    var map = L.map(sheet, { scrollWheelZoom: false, attributionControl: false });
    map.setView(there || around || FRANCE, there ? 17 : around ? 13 : 5);
    L.control.attribution({ prefix: false }).addTo(map);
    L.tileLayer(words.tiles, { maxZoom: 19, attribution: words.host }).addTo(map);
    var icon = L.divIcon({ className: "mapmark", iconSize: [24, 32], iconAnchor: [12, 32] });
    var mark = L.marker(map.getCenter(), { icon: icon, draggable: true, autoPan: true }).addTo(map);
    var shape = mark.getElement();
    shape.setAttribute("aria-label", words.wordMark);
    shape.setAttribute("title", words.wordMark);

    function write() {
      var at = mark.getLatLng().wrap();
      latitude.value = at.lat.toFixed(6);
      longitude.value = at.lng.toFixed(6);
      status.textContent = latitude.value + ", " + longitude.value;
    }

    mark.on("dragend", write);
    map.on("click", function (event) {
      mark.setLatLng(event.latlng);
      write();
    });
    // Ten points of the screen a press, one with Shift: zooming in makes it finer still.
    shape.addEventListener("keydown", function (event) {
      var way = ARROWS[event.key];
      if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      var step = event.shiftKey ? 1 : 10;
      var point = map.latLngToContainerPoint(mark.getLatLng()).add([way[0] * step, way[1] * step]);
      mark.setLatLng(map.containerPointToLatLng(point));
      map.panInside(mark.getLatLng(), { padding: [40, 40], animate: false });
      write();
    });
    [latitude, longitude].forEach(function (field) {
      field.addEventListener("input", function () {
        var at = typed();
        if (!at) return;
        mark.setLatLng(at);
        map.panInside(at, { padding: [40, 40], animate: false });
      });
    });
    shape.focus();
  }

  button.addEventListener("click", function () {
    button.disabled = true;
    var sheetOfStyle = document.createElement("link"), script = document.createElement("script");
    sheetOfStyle.rel = "stylesheet";
    sheetOfStyle.href = words.style;
    script.src = words.script;
    script.addEventListener("error", fail);
    sheetOfStyle.addEventListener("error", fail);
    script.addEventListener("load", draw);
    // The style first: the map measures itself when it is drawn.
    sheetOfStyle.addEventListener("load", function () { document.head.append(script); });
    document.head.append(sheetOfStyle);
  });
})();
