{{/* The pod of a service. Takes (dict "root" $ "name" ... "service" ...). */}}
{{- define "oms.pod" -}}
{{- $values := .root.Values }}
{{- $service := .service }}
{{- $place := get $values.placement .name | default dict }}
metadata:
  labels:
    {{- include "oms.labels" . | nindent 4 }}
spec:
  serviceAccountName: {{ .name }}
  automountServiceAccountToken: false
  # The variables that Kubernetes makes of services' names would be taken for settings.
  enableServiceLinks: false
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- if eq $service.kind "Job" }}
  restartPolicy: OnFailure
  {{- else }}
  terminationGracePeriodSeconds: {{ $service.stopSeconds }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: {matchLabels: {app.kubernetes.io/name: {{ .name }}}}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: {{ $service.spread | default "ScheduleAnyway" }}
      labelSelector: {matchLabels: {app.kubernetes.io/name: {{ .name }}}}
  {{- end }}
  {{- with $place.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $place.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "oms.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [{{ .name }}]
      env:
        {{- include "oms.environment" . | trim | nindent 8 }}
      {{- if or $service.http $service.metrics }}
      ports:
        {{- with $service.http }}
        - {name: https, containerPort: {{ .port }}, protocol: TCP}
        {{- end }}
        {{- with $service.metrics }}
        - {name: metrics, containerPort: {{ .port }}, protocol: TCP}
        {{- end }}
      {{- end }}
      {{- include "oms.probes" . | nindent 6 }}
      resources:
        requests: {cpu: {{ $service.resources.cpu | quote }}, memory: {{ $service.resources.memory }}}
        limits: {cpu: {{ $service.resources.cpuMax | quote }}, memory: {{ $service.resources.memory }}}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        runAsNonRoot: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: work, mountPath: /var/lib/oms}
        - {name: tmp, mountPath: /tmp}
        {{- if include "oms.wantsAuthorities" . }}
        - {name: authorities, mountPath: /etc/oms/authorities, readOnly: true}
        {{- end }}
        {{- if $service.http }}
        - {name: certificate, mountPath: /etc/oms/certificate, readOnly: true}
        {{- end }}
        {{- with $service.volume }}
        - {name: kept, mountPath: {{ .path }}}
        {{- end }}
  volumes:
    - {name: work, emptyDir: {sizeLimit: 256Mi}}
    - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
    {{- if include "oms.wantsAuthorities" . }}
    - {name: authorities, configMap: {name: {{ $values.authoritiesConfigMap }}}}
    {{- end }}
    {{- if $service.http }}
    - {name: certificate, secret: {secretName: {{ $values.certificate.secretName }}, defaultMode: 0440}}
    {{- end }}
{{- end }}

{{/*
Startup covers recovery. An API is ready when /health says so, which asks its store, and alive when it answers at all:
a store that is away is no reason to restart it. The others say that they are ready by a file; they end themselves
when they cannot go on, so nothing else asks whether they live.
*/}}
{{- define "oms.probes" -}}
{{- $service := .service }}
{{- if $service.http }}
startupProbe:
  httpGet: {path: /schema/openapi.json, port: https, scheme: HTTPS}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: {{ div $service.startupSeconds 5 }}
readinessProbe:
  httpGet: {path: /health, port: https, scheme: HTTPS}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /schema/openapi.json, port: https, scheme: HTTPS}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
lifecycle:
  preStop: {sleep: {seconds: 20}} # the load balancer hears of it before the last request is refused
{{- else if eq ($service.ready | default "") "file" }}
{{- $mark := printf "/var/lib/oms/run/%s.ready" .name }}
startupProbe:
  exec: {command: [test, -e, {{ $mark }}]}
  initialDelaySeconds: 10 # by then it has removed the mark of a container before it
  periodSeconds: 5
  failureThreshold: {{ div $service.startupSeconds 5 }}
readinessProbe:
  exec: {command: [test, -e, {{ $mark }}]}
  periodSeconds: 10
{{- end }}
{{- end }}
