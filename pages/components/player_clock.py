"""The time of a clip in a browser's player, which may count from 0 or by the timestamps of the file.

The timestamps of some files start late, such as at 2 s. Chromium's player then counts from 2 s too, or, in silent MKV,
from 0 to 2 s before the first frame (tested with MP4, MOV, MKV and WebM). Players of other browsers may start at 0. The
scripts of all components that follow or move a player begin with PLAYER_CLOCK_SCRIPT; in it, `start` is
`Metadata.start`.
"""

MIN_LATE_SECONDS = 0.1  # of the first timestamp; an earlier one is too close to 0 to tell the clocks apart
PLAYER_CLOCK_SCRIPT = (
    f"const MIN_LATE_SECONDS = {MIN_LATE_SECONDS}"
    + """
// A player that counts by the timestamps never shows a frame from before the first of them, though its clock may.
const watchFrames = (video) => {
  const check = (now, frame) => {
    if (frame.mediaTime < video.dataset.start / 2) video.dataset.countsFromZero = "true"
    else video.requestVideoFrameCallback(check)
  }
  video.dataset.isWatched = "true"
  video.requestVideoFrameCallback?.(check)
}
// The time that the player shows at the start of the clip.
const startOf = (video, start) => {
  video.dataset.start = start
  if (start > MIN_LATE_SECONDS && !video.dataset.isWatched) watchFrames(video)
  return video.dataset.countsFromZero ? 0 : start
}
const clipTime = (video, start) => Math.max(video.currentTime - startOf(video, start), 0)
const seekClip = (video, start, seconds) => { video.currentTime = startOf(video, start) + seconds }
"""
)
