-- POSTs as many bytes as the first argument says.
function init(args)
  wrk.method = "POST"
  wrk.body = string.rep("b", tonumber(args[1]))
  wrk.headers["Content-Type"] = "application/octet-stream"
end
