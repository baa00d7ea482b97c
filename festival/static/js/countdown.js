// The time until booking opens, and the page again at that moment. Without this file the words say the moment.
(function () {
  "use strict";
  var SPREAD = 2000; // milliseconds over which the browsers that wait come back
  var navigation = performance.getEntriesByType("navigation")[0];
  var arrived = performance.timeOrigin + (navigation ? navigation.responseStart : performance.now());

  document.querySelectorAll(".countdown[data-opens]").forEach(function (box) {
    var opens = Date.parse(box.dataset.opens);
    // What the browser's clock shows is wrong on many a machine; how long ago the page came is not.
    var ahead = arrived - Date.parse(box.dataset.now);
    var units = box.dataset.units.split(" ");
    var wait = Math.random() * SPREAD;
    var said = "";

    function say(text) {
      if (text === said) return;
      said = box.textContent = text;
    }

    function left() { return opens - (Date.now() - ahead); }

    function words(milliseconds) {
      var seconds = Math.ceil(milliseconds / 1000), parts;
      var days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24;
      var minutes = Math.floor(seconds / 60) % 60;
      if (days) parts = [[days, 0], [hours, 1]];
      else if (hours) parts = [[hours, 1], [minutes, 2]];
      else if (minutes >= 5) parts = [[minutes, 2]];
      else parts = [[minutes, 2], [seconds % 60, 3]];
      return parts.filter(function (part) { return part[0]; }).map(function (part) {
        return part[0] + "\u00a0" + units[part[1]];
      }).join("\u00a0");
    }

    function again() {
      if (document.hidden) { document.addEventListener("visibilitychange", again, { once: true }); return; }
      location.replace(location.href.split("#")[0]);
    }

    function tick() {
      var rest = left();
      if (rest <= 0) {
        box.setAttribute("aria-live", "polite");
        say(box.dataset.last);
        setTimeout(again, wait);
        return;
      }
      say(box.dataset.words.replace("{time}", words(rest)));
      setTimeout(tick, rest > 600000 ? Math.min(10000, rest) : Math.min(1000, rest % 1000 || 1000));
    }

    box.hidden = false;
    tick();
  });
})();
