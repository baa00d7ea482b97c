// The programme renewed in parts: what htmx put in is said, the focus goes where one reads on, and whatever
// fails becomes the whole page. Without this file and without htmx every link and form leads to that page.
(function () {
  "use strict";
  var asked = null;

  // Back, and Back again while the page was still coming: the address went on, and nobody was there to follow.
  var opened = performance.getEntriesByType("navigation")[0], state = history.state;
  if (opened && state && state.htmx && !state.followed && opened.name.split("#")[0] !== location.href.split("#")[0]) {
    history.replaceState({ htmx: true, followed: true }, "");
    location.reload();
  }

  // Leaves of the programme asked one after the other: the page says which was asked last.
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.detail.target && event.detail.target.id === "programme") {
      asked = event.detail.elt;
      event.detail.target.setAttribute("aria-busy", "true");
    }
  });

  // The style of the answer carries a nonce of its own, and only its block is wanted.
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target && event.detail.target.id === "programme") event.detail.serverResponse =
      event.detail.serverResponse.replace(/<style\b[^>]*>[\s\S]*?<\/style>/gi, "");
  });

  document.addEventListener("htmx:afterSettle", function (event) {
    var block = document.getElementById("programme"), by = asked;
    if (!by || !block || !(event.detail.elt === block || block.contains(event.detail.elt))) return;
    asked = null;
    var count = document.getElementById("compte");
    document.getElementById("annonce").textContent = count ? count.textContent.trim().replace(/\s+/g, " ") : "";
    // The button keeps the focus, by its id, unless it is folded away now.
    if (by.tagName === "FORM" && document.activeElement !== document.body) return;
    var start = document.getElementById("resultats");
    start.focus({ preventScroll: true });
    if (by.closest && by.closest(".pager")) start.scrollIntoView({ block: "start" });
  });

  function whole(event) {
    var address = event.detail.pathInfo && (event.detail.pathInfo.finalRequestPath || event.detail.pathInfo.requestPath);
    if (event.detail.target && event.detail.target.id === "programme" && address) location.assign(address);
  }
  document.addEventListener("htmx:responseError", whole);
  document.addEventListener("htmx:sendError", whole);
  document.addEventListener("htmx:swapError", whole);
})();
