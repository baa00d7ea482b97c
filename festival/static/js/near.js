// « Autour de moi »: the device is asked for its position when the button is pressed and at no other time.
// The answer is rounded to a hundred metres before it leaves, and only as part of the address asked for next.
(function () {
  "use strict";
  var RADIUS = 2;

  function begin(box) {
    var form = box.closest("form"), button = box.querySelector("[data-ask]"), status = box.querySelector("[role=status]");
    if (!form || !button || !navigator.geolocation || box.dataset.begun) return;
    box.dataset.begun = "yes";
    box.hidden = false;
    button.addEventListener("click", function () {
      button.disabled = true;
      status.textContent = box.dataset.asking;
      navigator.geolocation.getCurrentPosition(function (found) {
        var at = [found.coords.latitude.toFixed(3), found.coords.longitude.toFixed(3), RADIUS].join(",");
        form.querySelectorAll("[name=autour], [name=ville], [name=cadre]").forEach(function (old) { old.disabled = true; });
        var field = document.createElement("input");
        field.type = "hidden";
        field.name = "autour";
        field.value = at;
        field.dataset.added = "yes";
        form.append(field);
        form.requestSubmit();
      }, function () {
        button.disabled = false;
        status.textContent = box.dataset.refused;
      }, { enableHighAccuracy: false, maximumAge: 300000, timeout: 15000 });
    });
  }

  // Back to a page as it was left: the question is whole again.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form:has([data-near]) [name=ville], form:has([data-near]) [name=cadre]").forEach(function (old) { old.disabled = false; });
    document.querySelectorAll("[data-near][data-begun]").forEach(function (box) {
      box.querySelector("[data-ask]").disabled = false;
      box.closest("form").querySelectorAll("[name=autour][data-added]").forEach(function (field) { field.remove(); });
    });
  });

  function look() { document.querySelectorAll("[data-near]").forEach(begin); }
  look();
  document.addEventListener("htmx:load", look);
})();
