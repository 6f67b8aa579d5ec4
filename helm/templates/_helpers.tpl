{{/* What each store is called here: its Secret, and its ARN in aws.json. */}}
{{- define "oms.stores" -}}
postgres: {secret: event-store, arn: eventStore}
kafka: {secret: kafka, arn: kafka}
redis: {secret: cache, arn: cache}
mongo: {secret: documents, arn: documents}
{{- end }}

{{/* Takes (dict "root" $ "name" service). */}}
{{- define "oms.labels" -}}
{{ include "oms.selector" . }}
app.kubernetes.io/part-of: crypto-oms
app.kubernetes.io/version: {{ .root.Values.image.tag | default "by-digest" | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "oms.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* An image that means the same tomorrow: a digest, or a tag of an immutable repository. */}}
{{- define "oms.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is missing: pass Terraform's aws.json by --values" $image.repository -}}
{{- if $image.digest -}}
{{ $repository }}@{{ $image.digest }}
{{- else -}}
{{ $repository }}:{{ required "image.tag is missing: --set image.tag=<the commit the image was built from>" $image.tag }}
{{- end -}}
{{- end }}

{{/* The port of a store: of Kafka it is in its brokers' addresses. */}}
{{- define "oms.storePort" -}}
{{- if eq .store "kafka" -}}
{{ regexFind "[0-9]+$" .root.Values.stores.kafka.bootstrap }}
{{- else -}}
{{ (get .root.Values.stores .store).port }}
{{- end -}}
{{- end }}

{{/* Whether a service needs the file of authorities. */}}
{{- define "oms.wantsAuthorities" -}}
{{- range .service.stores }}{{ if ne (get $.root.Values.stores .).ca "system" }}true{{ end }}{{ end -}}
{{- end }}
