/* Draws everything, and again when a filter changes. An error is told, not hidden. */
function told(message) {
  const box = byId('broken');
  box.textContent = 'A script of this page failed: ' + message;
  box.hidden = false;
}
addEventListener('error', e => told(e.message));

function drawAll(changed) {
  drawFilters(drawAll);
  if (changed === true) writeAddress();
  for (const part of document.querySelectorAll('[data-run]')) part.hidden = part.dataset.run !== state.run;
  for (const draw of [drawWinners, drawHeat, drawPeers, drawError, drawRoofline, drawCompare]) {
    try {
      draw();
    } catch (error) {
      told(draw.name + ': ' + error.message);
    }
  }
}
readAddress();
drawAll();
if (run().versus.length) byId('peers-table').open = false;
let resizing = 0;
addEventListener('resize', () => { clearTimeout(resizing); resizing = setTimeout(drawAll, 150); });
