// What signing in gains with script: one tap sends once, and the code is read out of the text. Without it all works too.
"use strict";
(() => {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = 1;
    if (!button || !button.dataset.sending) return;
    button.setAttribute("aria-disabled", "true");
    button.kept = button.textContent;
    button.textContent = button.dataset.sending;
  });
  // Back from the browser's cache: the form can be sent again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[aria-disabled]")) {
      button.removeAttribute("aria-disabled");
      button.textContent = button.kept;
    }
  });
  // A passkey: the browser asks the device, and the device its owner.
  const passkey = document.querySelector("[data-passkey]");
  if (passkey && window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
    const adds = passkey.dataset.passkey === "add";
    const post = async (address, body) => {
      const headers = { "X-CSRFToken": passkey.elements.csrfmiddlewaretoken.value, "Content-Type": "application/json" };
      const answer = await fetch(address, { method: "POST", headers, body });
      if (!answer.ok) throw answer;
      return answer.json();
    };
    passkey.hidden = false;
    passkey.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      try {
        const told = await post(passkey.dataset.begin, "{}");
        const made = adds
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(told) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(told) });
        location.assign((await post(passkey.dataset.end, JSON.stringify(made))).to);
      } catch {
        document.getElementById("line").textContent = passkey.dataset.said;
      }
    });
  }

  // The browser asks the player first, and gives the code only after their own "Allow".
  const field = document.getElementById("code");
  if (!field || !("OTPCredential" in window)) return;
  const waiting = new AbortController();
  addEventListener("pagehide", () => waiting.abort());
  navigator.credentials
    .get({ otp: { transport: ["sms"] }, signal: waiting.signal })
    .then((found) => {
      if (!found || !found.code) return;
      field.value = found.code;
      field.form.requestSubmit(field.form.querySelector("button"));
    })
    .catch(() => {});
})();
